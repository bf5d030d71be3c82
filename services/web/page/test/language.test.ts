import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { refusalText } from '../src/call/failures';
import { asText, speakerName, withSegment } from '../src/call/transcript';
import german from '../src/languages/de';
import english from '../src/languages/en';
import { pack } from '../src/languages/pack';
import { ApiFailure } from '../src/lib/api';
import { WaitReason } from '../src/protocol';
import { decimal, language, languages, offer, said, want, words } from '../src/state/language';

beforeEach(() => {
  offer({
    './languages/en.ts': { default: english },
    './languages/de.ts': { default: german },
    './languages/pack.ts': {},
  });
  want([]);
});

test('the page speaks the first of the browser’s languages that it has', () => {
  want(['pt-BR', 'de-CH', 'en']);
  assert.deepEqual([language.value, words().join], ['de', 'Beitreten']);
  want(['pt-BR', 'zh']);
  assert.deepEqual([language.value, words().join], ['en', 'Join']);
});

test('the caller’s choice comes before the browser’s languages', () => {
  want(['de', 'en-US']);
  assert.equal(language.value, 'de');
  assert.deepEqual(languages(), [
    { code: 'en', name: 'English' },
    { code: 'de', name: 'Deutsch' },
  ]);
});

test('a pack that lacks words falls back to English for those', () => {
  const { join, ...others } = english.words;
  assert.equal(join, 'Join');
  const partial = pack('Latina', { ...(others as Required<typeof others>), leave: 'Vale' }, [
    'join',
  ]);
  offer({ './languages/la.ts': { default: partial } });
  want(['la']);
  assert.deepEqual([words().leave, words().join], ['Vale', 'Join']);
});

test('a sentence that is shown follows the language, another’s stays', () => {
  const own = () => words().callEnded;
  const refusal = refusalText(new ApiFailure('rate_limited', 'Wait 3 s.'));
  assert.deepEqual([said(own), said(refusal)], ['The call has ended.', 'Wait 3 s.']);
  want(['de']);
  assert.equal(said(own), 'Das Gespräch ist beendet.');
  assert.match(said(refusal), /Zu viele Anfragen/);
  assert.equal(said(refusalText(new ApiFailure('new_code', 'Something new.'))), 'Something new.');
  assert.equal(said('Sorry.'), 'Sorry.');
});

test('numbers and names are those of the language', () => {
  assert.equal(decimal(1.234, 2), '1.23');
  want(['de']);
  assert.equal(decimal(1.234, 2), '1,23');
  assert.deepEqual(
    (['agent', 'caller', 'guest'] as const).map((side) => speakerName({ side, name: '' })),
    ['Assistent', 'Sie', 'Gast'],
  );
  assert.equal(speakerName({ side: 'guest', name: 'Ada' }), 'Ada (Gast)');
  const message = { id: '1', side: 'agent', name: '', text: 'Ja', at: 0, final: true } as const;
  const text = asText([{ ...message, typed: false, aside: false, cut: true, turn: null }], 'Ada');
  assert.match(text, /Assistent: Ja — \(unterbrochen\)/);
});

test('each reason to wait has words of its own', () => {
  for (const { words: all } of [english, german]) {
    for (const reasons of [all.waitReasons, all.waitReasonsInShort]) {
      const texts = Object.values(WaitReason).map((reason) => reasons?.[reason]);
      assert.equal(new Set(texts).size, Object.values(WaitReason).length);
      assert.ok(texts.every((text) => text !== undefined));
    }
  }
});

test('a message keeps the language of its words, also where a later state names none', () => {
  const update = { id: '1', side: 'agent', name: '', text: 'Guten', final: false } as const;
  const begun = withSegment([], { ...update, language: 'de' });
  const ended = withSegment(begun, { ...update, text: 'Guten Tag', final: true });
  assert.deepEqual(
    ended.map(({ text, language }) => [text, language]),
    [['Guten Tag', 'de']],
  );
});

test('no sentence of a pack is empty, and each with a blank to fill takes what fills it', () => {
  for (const [code, { words: all }] of [['en', english] as const, ['de', german] as const]) {
    for (const [name, word] of Object.entries(all)) {
      const text =
        typeof word === 'function' ? (word as (...a: string[]) => string)('7', '8') : word;
      assert.ok(typeof text === 'object' || text.trim().length > 0, `${code}: ${name}`);
      if (typeof word === 'function') assert.match(text as string, /7/, `${code}: ${name}`);
    }
  }
});
