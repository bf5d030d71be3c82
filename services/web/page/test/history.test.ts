import assert from 'node:assert/strict';
import { test } from 'node:test';

import { historyOf } from '../src/call/history';
import { type Message, type SegmentUpdate, withSegment } from '../src/call/transcript';
import { LONGEST_HISTORY_CHARACTERS, MOST_HISTORY_MESSAGES } from '../src/protocol';

function said(...texts: string[]): readonly Message[] {
  return texts.reduce<readonly Message[]>(
    (messages, text, index) =>
      withSegment(messages, { id: `${index}`, side: 'agent', name: 'Agent', text, final: true }),
    [],
  );
}

function characters(messages: readonly Message[]): number {
  return historyOf(messages).messages.reduce((sum, { text }) => sum + text.length, 0);
}

test('the latest messages that fit are told, oldest first', () => {
  const long = 'x'.repeat(LONGEST_HISTORY_CHARACTERS / 3);
  const { messages } = historyOf(said(`${long}1`, `${long}2`, 'last'));
  assert.deepEqual(
    messages.map(({ text }) => text.at(-1)),
    ['1', '2', 't'],
  );
  assert.equal(historyOf(said(`${long}1`, `${long}2`, `${long}3`)).messages.length, 2);
});

test('a latest message that is too long on its own is shortened to its end', () => {
  const words = 'word '.repeat(LONGEST_HISTORY_CHARACTERS);
  const { messages } = historyOf(said('before', `${words}the end`));
  assert.equal(messages.length, 1);
  assert.match(messages[0]?.text ?? '', /^….*the end$/);
  assert.ok(characters(said(words)) <= LONGEST_HISTORY_CHARACTERS);
});

test('no character is split where a message is shortened', () => {
  for (const start of ['', 'x']) {
    const [message] = historyOf(said(start + '👋'.repeat(LONGEST_HISTORY_CHARACTERS))).messages;
    assert.match(message?.text ?? '', /^…👋+$/u);
  }
});

test('words that may still be corrected are left out', () => {
  const messages = withSegment(said('final'), {
    id: 'interim',
    side: 'caller',
    name: 'You',
    text: 'perhaps',
    final: false,
  });
  assert.deepEqual(historyOf(messages).messages, [{ role: 'assistant', text: 'final' }]);
});

test('no more messages are told than the protocol allows', () => {
  const many = said(...Array.from({ length: MOST_HISTORY_MESSAGES + 5 }, (_, index) => `${index}`));
  assert.ok(historyOf(many).messages.length <= MOST_HISTORY_MESSAGES);
});

test('what a listener said is no part of the conversation', () => {
  const aside: SegmentUpdate = {
    id: 'a',
    side: 'caller',
    name: 'You',
    text: 'Mm-hmm.',
    final: true,
    aside: true,
  };
  const messages = withSegment(said('One, two'), aside);
  assert.deepEqual(historyOf(messages).messages, [{ role: 'assistant', text: 'One, two' }]);
});
