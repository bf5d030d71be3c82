/** What a file of this folder exports: the page's words in one language. */

import type { ENGLISH } from './en';

/** Everything the page says, under the same names in every language. */
export type Words = typeof ENGLISH;

export interface Pack {
  /** The language's name in the language itself. */
  readonly name: string;
  readonly words: Partial<Words>;
}

/**
 * The pack of a language. The compiler refuses one that lacks a word, unless `inEnglish` says that
 * the page uses the English one.
 */
export function pack<Missing extends keyof Words = never>(
  name: string,
  words: Omit<Words, Missing>,
  ..._inEnglish: [Missing] extends [never] ? [] : [inEnglish: readonly Missing[]]
): Pack {
  return { name, words };
}
