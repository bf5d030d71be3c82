/** The frame around every state of the page. */

import { useSignalEffect } from '@preact/signals';
import { useEffect } from 'preact/hooks';

import { DEFAULT_CONFIG } from '../lib/api';
import { usePage } from '../state/context';
import { language, words } from '../state/language';
import { prefer, preferences, type Theme } from '../state/preferences';
import { CallView } from './call-view';
import { DebugPanel, debugWanted } from './debug-panel';
import { Icon } from './icons';
import { LanguageChoice } from './language-choice';
import { Lobby } from './lobby';

const NEXT_THEME: Record<Theme, Theme> = { auto: 'light', light: 'dark', dark: 'auto' };

export function App() {
  const { state, server } = usePage();
  const phase = state.phase.value;
  const { theme } = preferences.value;
  const { title } = server.value.config;
  const { changeColours, colours, themeAuto, themeLight, themeDark } = words();
  const themeNames = { auto: themeAuto, light: themeLight, dark: themeDark };
  const shownTitle = title === DEFAULT_CONFIG.title ? words().title : title;
  useSignalEffect(() => {
    const chosen = preferences.value.theme;
    if (chosen === 'auto') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = chosen;
  });
  useSignalEffect(() => {
    document.documentElement.lang = language.value;
  });
  useEffect(() => {
    document.title = shownTitle;
  }, [shownTitle]);
  return (
    <>
      <header class="top">
        <p class="wordmark">
          <svg viewBox="0 0 24 24" aria-hidden="true" focusable="false">
            <circle cx="12" cy="12" r="3" />
            <circle cx="12" cy="12" r="6.500" />
            <circle cx="12" cy="12" r="10" />
          </svg>
          {shownTitle}
        </p>
        <LanguageChoice />
        <button
          type="button"
          class="quiet"
          aria-label={changeColours(themeNames[theme], themeNames[NEXT_THEME[theme]])}
          title={colours(themeNames[theme])}
          onClick={() => prefer({ theme: NEXT_THEME[theme] })}
        >
          <Icon name={theme} />
        </button>
      </header>
      <main class={`phase-${phase}`}>{phase === 'lobby' ? <Lobby /> : <CallView />}</main>
      {debugWanted() && <DebugPanel />}
    </>
  );
}
