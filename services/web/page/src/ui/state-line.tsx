/** What is going on, in words: shown large, and the part of it that screen readers tell. */

import { usePage } from '../state/context';
import type { CallState } from '../state/state';
import { useStore } from '../state/store';

export function StateLine() {
  const { callStore } = usePage();
  const word = useStore(callStore, stateWord);
  const announcement = useStore(callStore, announce);
  const muted = useStore(callStore, (state) => state.muted && state.phase === 'call');
  return (
    <>
      <p class="state" data-testid="state">
        <span>{word}</span>
        {muted && <span class="muted"> · you are muted</span>}
      </p>
      <p class="sr-only" role="status">
        {announcement}
        {muted && ' You are muted.'}
      </p>
    </>
  );
}

/**
 * What a screen reader tells by itself. The agent's turns are left out: it would be spoken into the
 * conversation, and the agent would hear it.
 */
function announce(state: CallState): string {
  const isSettled = state.phase === 'call' && state.connection === 'connected';
  return isSettled && state.presence === 'present' ? 'The agent is here.' : stateWord(state);
}

export function stateWord(state: CallState): string {
  if (state.phase === 'lobby') return 'Not in a call';
  if (state.phase === 'ended') return state.farewell || 'The call has ended.';
  if (state.phase === 'joining') {
    return state.connection === 'retrying' ? 'Waiting for the server' : 'Joining';
  }
  if (state.connection !== 'connected') return 'Reconnecting';
  switch (state.presence) {
    case 'waiting':
      return 'Waiting for the agent';
    case 'busy':
    case 'unknown':
      return 'All agents are busy';
    case 'absent':
      return 'No agent is running';
    case 'lost':
      return 'Getting the agent back';
    case 'present':
      return {
        initializing: 'The agent is getting ready',
        listening: 'Listening',
        thinking: 'Thinking',
        speaking: 'Speaking',
      }[state.agentState];
  }
}
