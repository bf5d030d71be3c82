import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  asText,
  type Message,
  type SegmentUpdate,
  withAgentCut,
  withSegment,
  withTurn,
  withTyped,
} from '../src/call/transcript';
import type { Turn } from '../src/protocol';

const TURN: Turn = {
  id: 'reply',
  end_of_speech_seconds: 0.3,
  wait_reason: null,
  transcript_seconds: null,
  first_token_seconds: 0.1,
  first_sound_seconds: 0.2,
  response_seconds: 0.6,
  prepared: false,
  interrupted: false,
};

function update(text: string, change: Partial<SegmentUpdate> = {}): SegmentUpdate {
  return { id: 'one', side: 'agent', name: 'Agent', text, final: false, ...change };
}

function after(...updates: SegmentUpdate[]): readonly Message[] {
  return updates.reduce<readonly Message[]>(withSegment, []);
}

test('a segment is corrected in place until it is final', () => {
  const messages = after(update('wha'), update('what'), update('what?', { final: true }));
  assert.deepEqual(
    messages.map(({ text, final }) => [text, final]),
    [['what?', true]],
  );
  assert.equal(withSegment(messages, update('late'))[0]?.text, 'what?');
});

test('a segment without words appears at no time, and disappears when it loses them', () => {
  assert.deepEqual(after(update(' ')), []);
  assert.deepEqual(after(update('umbrella'), update('', { final: true })), []);
  assert.equal(after(update('umbrella'), update('')).length, 1);
});

test('timings go to the latest reply, once', () => {
  const caller = update('time?', { id: 'two', side: 'caller', final: true });
  const timed = withTurn(after(update('noon', { final: true }), caller), {
    ...TURN,
    interrupted: true,
  });
  assert.equal(timed[0]?.turn?.id, 'reply');
  assert.equal(timed[0]?.cut, true);
  assert.equal(timed[1]?.turn, null);
  assert.equal(withTurn(timed, TURN), timed);
});

test('an agent that goes leaves what it was saying interrupted', () => {
  const [cut, whole] = withAgentCut(
    after(update('I was'), update('done', { id: 'two', final: true })),
  );
  assert.deepEqual([cut?.final, cut?.cut], [true, true]);
  assert.equal(whole?.cut, false);
});

test('the conversation as text names speakers and interruptions', () => {
  const messages = withTyped(withAgentCut(after(update('I was'))), {
    id: 'typed',
    side: 'caller',
    name: 'You',
    text: 'stop',
  });
  const text = asText(messages, 'Ada');
  assert.match(text, /^Ada, .+\n\n\[.+\] Agent: I was — \(interrupted\)\n\[.+\] You: stop\n$/);
});

test('what a listener said is in brackets, and is withdrawn without words', () => {
  const heard = { id: 'two', side: 'caller', name: 'You', final: true, aside: true } as const;
  const messages = after(update('One, two'), update('Mm-hmm.', heard));
  assert.equal(messages[1]?.aside, true);
  assert.match(asText(messages, 'Ada'), /You: \(Mm-hmm\.\)\n$/);
  assert.equal(withSegment(messages, update('', heard)).length, 1);
});
