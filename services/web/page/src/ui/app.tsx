/** The frame around every state of the page. */

import { useSignalEffect } from '@preact/signals';

import { usePage } from '../state/context';
import { prefer, preferences, type Theme } from '../state/preferences';
import { CallView } from './call-view';
import { DebugPanel, debugWanted } from './debug-panel';
import { Icon } from './icons';
import { Lobby } from './lobby';

const NEXT_THEME: Record<Theme, Theme> = { auto: 'light', light: 'dark', dark: 'auto' };
const THEME_NAMES: Record<Theme, string> = {
  auto: 'same as the system',
  light: 'light',
  dark: 'dark',
};

export function App() {
  const { state, server } = usePage();
  const phase = state.phase.value;
  const { theme } = preferences.value;
  const { title } = server.value.config;
  useSignalEffect(() => {
    const chosen = preferences.value.theme;
    if (chosen === 'auto') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = chosen;
  });
  return (
    <>
      <header class="top">
        <p class="wordmark">
          <svg viewBox="0 0 24 24" aria-hidden="true" focusable="false">
            <circle cx="12" cy="12" r="3" />
            <circle cx="12" cy="12" r="6.500" />
            <circle cx="12" cy="12" r="10" />
          </svg>
          {title}
        </p>
        <button
          type="button"
          class="quiet"
          aria-label={`Colours: ${THEME_NAMES[theme]}. Change to ${THEME_NAMES[NEXT_THEME[theme]]}`}
          title={`Colours: ${THEME_NAMES[theme]}`}
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
