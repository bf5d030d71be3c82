import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ConnectionError } from 'livekit-client';

import { joinFailure, microphoneNotice } from '../src/call/failures';
import { ApiFailure } from '../src/lib/api';
import { said } from '../src/state/language';

function join(error: unknown, url = 'wss://livekit.example.com') {
  let retried = 0;
  const { notice, passes } = joinFailure(error, url, () => (retried += 1));
  notice.remedy?.run();
  return { text: said(notice.text), passes, offersRetry: retried === 1 };
}

Object.defineProperty(globalThis, 'location', { value: { hostname: 'voice.example.com' } });

test('a server that does not answer is retried, at once on request', () => {
  const { text, passes, offersRetry } = join(new ApiFailure('unreachable', ''));
  assert.match(text, /does not answer/);
  assert.deepEqual([passes, offersRetry], [true, true]);
});

test('a refusal speaks for itself, and only a passing one is retried', () => {
  assert.deepEqual(join(new ApiFailure('rate_limited', 'Wait.')), {
    text: 'Wait.',
    passes: true,
    offersRetry: false,
  });
  assert.equal(join(new ApiFailure('tokens_off', 'No tokens.')).passes, false);
});

test('a refused token ends the call', () => {
  const { text, passes } = join(ConnectionError.notAllowed('expired', 401));
  assert.match(text, /did not accept your token/);
  assert.equal(passes, false);
});

test('a media server announced as the caller’s own machine names the setting to change', () => {
  assert.match(join(new Error(), 'ws://127.0.0.1:7880').text, /LIVEKIT_PUBLIC_URL/);
  assert.match(join(new Error()).text, /livekit\.example\.com cannot be reached/);
  assert.match(join(new Error(), '').text, /its address cannot be reached/);
});

test('each failure of the microphone has its next step', () => {
  const text = (name: string) => said(microphoneNotice(new DOMException('', name), () => {}).text);
  assert.match(text('NotAllowedError'), /Allow it in the address bar/);
  assert.match(text('NotFoundError'), /Connect one/);
  assert.match(text('NotReadableError'), /Close that program/);
  assert.match(text('TypeError'), /Try again/);
});
