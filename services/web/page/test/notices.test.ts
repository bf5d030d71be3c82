import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Notices } from '../src/call/notices';

function keysAndTexts(notices: Notices): string[] {
  return notices.shown.map(({ key, text }) => `${key}: ${text}`);
}

test('notices with one key replace each other in place', () => {
  const notices = new Notices();
  notices.warn('sound', 'Blocked.');
  notices.warn('text', 'Not sent.');
  notices.warn('sound', 'Still blocked.');
  assert.deepEqual(keysAndTexts(notices), ['sound: Still blocked.', 'text: Not sent.']);
  notices.dismiss('sound', 'connection');
  assert.deepEqual(keysAndTexts(notices), ['text: Not sent.']);
});
