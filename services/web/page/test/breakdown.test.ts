import assert from 'node:assert/strict';
import { test } from 'node:test';

import { breakdown, totalSeconds } from '../src/call/breakdown';
import type { Turn } from '../src/protocol';

function turn(
  parts: readonly [number | null, number | null, number | null, number | null],
  response: number | null,
): Turn {
  const [end_of_speech_seconds, transcript_seconds, first_token_seconds, first_sound_seconds] =
    parts;
  return {
    id: 'reply',
    end_of_speech_seconds,
    wait_reason: null,
    transcript_seconds,
    first_token_seconds,
    first_sound_seconds,
    response_seconds: response,
    prepared: false,
    interrupted: false,
  };
}

function assertClose(found: number[], expected: number[]): void {
  assert.equal(found.length, expected.length);
  found.forEach((value, index) => {
    assert.ok(Math.abs(value - (expected[index] ?? Number.NaN)) < 1e-9, `${found}`);
  });
}

test('consecutive parts are shown as measured, and the rest is the last part', () => {
  assertClose(breakdown(turn([0.3, 0.1, 0.2, 0.1], 0.7)), [0.3, 0.1, 0.2, 0.1]);
  assertClose(breakdown(turn([0.3, null, null, null], 1)), [0.3, 0, 0, 0.7]);
});

test('of parts that overlap only what the caller waited for counts', () => {
  assertClose(breakdown(turn([0.4, 0.6, 0.3, 0.2], 0.8)), [0.4, 0.2, 0.2, 0]);
  assertClose(breakdown(turn([0.6, 0.4, 0.1, 0.1], 0.8)), [0.6, 0, 0.1, 0.1]);
});

test('without a measured total it is the sum of the parts, or unknown', () => {
  assert.equal(totalSeconds(turn([0.5, null, 0.25, null], null)), 0.75);
  assert.equal(totalSeconds(turn([null, null, null, null], null)), null);
});
