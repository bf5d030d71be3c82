import assert from 'node:assert/strict';
import { test } from 'node:test';

import { decode, list, number, oneOf, record, text, truth } from '../src/lib/decode';

interface Sample {
  name: string;
  kind: 'a' | 'b';
  seconds: number | null;
  tags: readonly string[];
  on: boolean;
}

const read = record<Sample>({
  name: text(4),
  kind: oneOf(['a', 'b']),
  seconds: number.orNull,
  tags: list(text(2), 2),
  on: truth,
});
const SAMPLE: Sample = { name: '👋👋👋👋', kind: 'a', seconds: null, tags: ['x'], on: false };

test('what is as it should be arrives, without fields of a later version', () => {
  assert.deepEqual(decode(JSON.stringify({ ...SAMPLE, later: 1 }), read, 1000), SAMPLE);
});

const REFUSED: Record<string, unknown> = {
  'a text that is too long': { ...SAMPLE, name: 'hello' },
  'a text of too many wide characters': { ...SAMPLE, name: '👋👋👋👋👋' },
  'an unknown word': { ...SAMPLE, kind: 'c' },
  'a negative number': { ...SAMPLE, seconds: -1 },
  'a number as text': { ...SAMPLE, seconds: '1' },
  'a list that is too long': { ...SAMPLE, tags: ['1', '2', '3'] },
  'a wrong item': { ...SAMPLE, tags: [1] },
  'a missing field': { ...SAMPLE, on: undefined },
  'a list in place of an object': [SAMPLE],
  null: null,
};

for (const [what, value] of Object.entries(REFUSED)) {
  test(`${what} is refused`, () => {
    assert.equal(decode(JSON.stringify(value), read, 1000), null);
  });
}

test('what is not JSON, or too long, is refused', () => {
  assert.equal(decode('nothing', read, 1000), null);
  assert.equal(decode('['.repeat(100_000), read, 1_000_000), null);
  assert.equal(decode(JSON.stringify(SAMPLE), read, 10), null);
});

test('names that every object inherits are not fields', () => {
  const inherited = record<{ constructor: string }>({ constructor: text(100) });
  assert.equal(decode('{}', inherited, 10), null);
});
