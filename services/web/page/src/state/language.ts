/** The page's language: the caller's choice, else the first of the browser's that there is. */

import { computed, type ReadonlySignal, signal } from '@preact/signals';

import english, { ENGLISH } from '../languages/en';
import type { Pack, Words } from '../languages/pack';

/** A sentence: another's as it is, or one of the page's, in the language of the moment. */
export type Phrase = string | (() => string);

const SOURCE_LANGUAGE = 'en';

const packs = signal<ReadonlyMap<string, Pack>>(new Map([[SOURCE_LANGUAGE, english]]));
const wanted = signal<readonly string[]>([]);

/** The code of the language in use, such as `de`. */
export const language: ReadonlySignal<string> = computed(() => {
  const codes = wanted.value.flatMap((code) => [code, code.split('-')[0] ?? '']);
  return codes.find((code) => packs.value.has(code)) ?? SOURCE_LANGUAGE;
});

const current: ReadonlySignal<Words> = computed(() => ({
  ...ENGLISH,
  ...packs.value.get(language.value)?.words,
}));

/** The words of the language in use; a component that calls this follows the language. */
export function words(): Words {
  return current.value;
}

/** What a sentence says now. */
export function said(phrase: Phrase): string {
  return typeof phrase === 'string' ? phrase : phrase();
}

/** The languages to choose from: code and own name. */
export function languages(): readonly { code: string; name: string }[] {
  return [...packs.value].map(([code, { name }]) => ({ code, name }));
}

/** Offer packs by the path of their file, which is called by the language's code. */
export function offer(files: Readonly<Record<string, { default?: Pack }>>): void {
  const found = Object.entries(files).flatMap(([path, { default: pack }]) =>
    pack ? [[path.replace(/^.*\/|\.ts$/g, ''), pack] as const] : [],
  );
  packs.value = new Map(found);
}

/** Use the first of these languages that there is: codes such as `de` or `de-CH`. */
export function want(codes: readonly string[]): void {
  wanted.value = codes;
}

/** A number in the notation of the language in use. */
export function decimal(value: number, digits: number): string {
  return value.toLocaleString(language.value, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}
