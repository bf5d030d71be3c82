/** The caller's choices, kept for the next visit. */

import { type ReadonlySignal, signal } from '@preact/signals';

export type Theme = 'auto' | 'light' | 'dark';

export interface Preferences {
  theme: Theme;
  /** Code of the page's language; empty for the browser's. */
  language: string;
  captions: boolean;
  timings: boolean;
  name: string;
  microphoneId: string;
  speakerId: string;
}

const KEY = 'voice-agent';

const current = signal<Preferences>({
  theme: 'auto',
  language: '',
  captions: false,
  timings: matchMedia('(min-width: 60rem)').matches,
  name: '',
  microphoneId: '',
  speakerId: '',
  ...stored(),
});

export const preferences: ReadonlySignal<Preferences> = current;

export function prefer(change: Partial<Preferences>): void {
  current.value = { ...current.value, ...change };
  try {
    localStorage.setItem(KEY, JSON.stringify(current.value));
  } catch {
    // Private windows may refuse to store; the choice then lasts for this visit.
  }
}

function stored(): Partial<Preferences> {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(KEY) ?? '{}');
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
