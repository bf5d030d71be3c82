/** Joins a room, again and again, until it works or cannot. */

import { ApiFailure } from '../lib/api';
import { Pause } from '../lib/pause';
import type { Scope } from '../lib/resources';

const RETRY_MS = [500, 1000, 2000, 4000, 8000];
const LONGEST_RETRY_MS = 10_000;

export class Rejoin {
  readonly #scope: Scope;
  readonly #pause: Pause;

  /** Ends with its scope; being online or visible again ends a pause. */
  constructor(scope: Scope) {
    this.#scope = scope;
    this.#pause = new Pause(scope, 'join again');
    scope.listen(window, 'online', () => this.now());
    scope.listen(document, 'visibilitychange', () => {
      if (!document.hidden) this.now();
    });
  }

  /** Call `join` until it resolves; `passes` decides of each failure whether to try again. */
  async until(join: () => Promise<void>, passes: (error: unknown) => boolean): Promise<void> {
    for (let attempt = 0; !this.#scope.closed; attempt += 1) {
      try {
        await join();
        return;
      } catch (error) {
        if (this.#scope.closed || !passes(error)) return;
        const asked = error instanceof ApiFailure ? (error.retryAfterSeconds ?? 0) * 1000 : 0;
        await this.#pause.wait(Math.max(RETRY_MS[attempt] ?? LONGEST_RETRY_MS, asked));
      }
    }
  }

  /** Try again without waiting for the pause to end. */
  now(): void {
    this.#pause.wake();
  }
}
