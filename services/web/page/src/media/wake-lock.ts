/** Keeps a phone's screen on during a call, since a dark phone drops the connection. */

import type { Scope } from '../lib/resources';

export function keepScreenOn(scope: Scope): void {
  if (!('wakeLock' in navigator)) return;
  let release: (() => void) | null = null;
  const acquire = async () => {
    if (document.hidden || release) return;
    try {
      const lock = await navigator.wakeLock.request('screen');
      release = scope.own('wake-lock', 'screen', () => void lock.release());
      lock.addEventListener('release', () => {
        release?.();
        release = null;
      });
    } catch {
      // Refused on low battery or by policy; the call works without.
    }
  };
  scope.listen(document, 'visibilitychange', () => void acquire());
  void acquire();
}
