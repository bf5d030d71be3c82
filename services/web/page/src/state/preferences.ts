/** What the caller chose once and finds again on the next visit. */

import { Store } from './store';

export type Theme = 'auto' | 'light' | 'dark';

export interface Preferences {
  theme: Theme;
  captions: boolean;
  timings: boolean;
  name: string;
  microphoneId: string;
  speakerId: string;
}

const KEY = 'voice-agent';

export function loadPreferences(): Store<Preferences> {
  const store = new Store<Preferences>({
    theme: 'auto',
    captions: false,
    timings: matchMedia('(min-width: 60rem)').matches,
    name: '',
    microphoneId: '',
    speakerId: '',
    ...stored(),
  });
  store.watch(() => {
    try {
      localStorage.setItem(KEY, JSON.stringify(store.state));
    } catch {
      // Private windows may refuse to store; the choice then lasts for this visit.
    }
  });
  return store;
}

function stored(): Partial<Preferences> {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(KEY) ?? '{}');
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
