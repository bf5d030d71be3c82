/** A wait that ends after a time, when woken, or with its scope. */

import type { Scope } from './resources';

export class Pause {
  readonly #scope: Scope;
  readonly #label: string;
  #end: (() => void) | null = null;

  constructor(scope: Scope, label: string) {
    this.#scope = scope;
    this.#label = label;
  }

  wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = window.setTimeout(() => this.wake(), delayMs);
      this.#end = this.#scope.own('timer', this.#label, () => {
        window.clearTimeout(timer);
        resolve();
      });
    });
  }

  /** End the wait in progress; without one it does nothing. */
  wake(): void {
    this.#end?.();
    this.#end = null;
  }
}
