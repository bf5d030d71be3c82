import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Room } from 'livekit-client';

import { AgentLink } from '../src/call/agent-link';
import { ResourceRegistry } from '../src/lib/resources';

Object.assign(globalThis, { window: globalThis });

/** A room with an agent that answers its first call of all, and then those from a certain one on. */
function linkTo(answersFrom: number): { link: AgentLink; calls: () => number; end: () => void } {
  let calls = 0;
  const agent = { identity: 'agent', isAgent: true, attributes: {} };
  const room = {
    state: 'connected',
    remoteParticipants: new Map([['agent', agent]]),
    on: () => room,
    localParticipant: {
      performRpc: () => {
        calls += 1;
        return calls >= answersFrom ? Promise.resolve('serves') : Promise.reject(new Error('lost'));
      },
    },
  };
  const scope = new ResourceRegistry().scope('call');
  const nothing = () => undefined;
  const link = new AgentLink(room as unknown as Room, scope, '', {
    presence: nothing,
    state: nothing,
    info: nothing,
    hungUp: nothing,
    removed: nothing,
  });
  link.start();
  return { link, calls: () => calls, end: () => scope.close() };
}

async function adopted(link: AgentLink): Promise<void> {
  for (;;) {
    const reply = await link.call('agent.ping' as never).catch((error: Error) => error.message);
    if (reply !== 'no agent in the room') return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test('words wait until the agent has answered, and no longer', async () => {
  const { link, calls, end } = linkTo(5);
  // The link itself asks twice, and takes an agent that is silent for one that is slow.
  await adopted(link);
  await Promise.all([link.reached(), link.reached()]);
  assert.equal(calls(), 5);
  await link.reached();
  assert.equal(calls(), 5);
  end();
});

test('words do not wait for an agent that is not there', async () => {
  const { link, end } = linkTo(Number.POSITIVE_INFINITY);
  await link.reached();
  end();
});
