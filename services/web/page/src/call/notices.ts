/** The sentences shown about what is wrong, each with its next step. */

import { signal } from '@preact/signals';

import type { Phrase } from '../state/language';

export interface Notice {
  /** Notices with the same key replace each other. */
  key: string;
  tone: 'info' | 'warning' | 'error';
  text: Phrase;
  /** The button beside the sentence. */
  remedy?: { label: Phrase; run: () => void };
  dismissible?: boolean;
}

export class Notices {
  readonly #shown = signal<readonly Notice[]>([]);

  get shown(): readonly Notice[] {
    return this.#shown.value;
  }

  show(notice: Notice): void {
    const notices = this.#shown.peek();
    const index = notices.findIndex(({ key }) => key === notice.key);
    this.#shown.value = index < 0 ? [...notices, notice] : notices.with(index, notice);
  }

  /** Show a problem that the caller may dismiss. */
  warn(key: string, text: Phrase): void {
    this.show({ key, tone: 'warning', text, dismissible: true });
  }

  dismiss(...keys: string[]): void {
    this.#shown.value = this.#shown.peek().filter(({ key }) => !keys.includes(key));
  }

  clear(): void {
    this.#shown.value = [];
  }
}
