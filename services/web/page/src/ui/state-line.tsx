/** The state of the call in words: shown large, and announced by screen readers in part. */

import type { CallState } from '../state/call-state';
import { usePage } from '../state/context';

export function StateLine() {
  const { state } = usePage();
  const muted = state.muted.value && state.phase.value === 'call';
  return (
    <>
      <p class="state" data-testid="state">
        <span>{stateWord(state)}</span>
        {muted && <span class="muted"> · you are muted</span>}
      </p>
      <p class="sr-only" role="status">
        {announce(state)}
        {muted && ' You are muted.'}
      </p>
    </>
  );
}

/**
 * What a screen reader announces. The agent's turns are left out: the announcement would be spoken
 * into the conversation, and the agent would hear it.
 */
function announce(state: CallState): string {
  const isSettled = state.phase.value === 'call' && state.connection.value === 'connected';
  return isSettled && state.presence.value === 'present' ? 'The agent is here.' : stateWord(state);
}

export function stateWord(state: CallState): string {
  const phase = state.phase.value;
  const connection = state.connection.value;
  if (phase === 'lobby') return 'Not in a call';
  if (phase === 'ended') return state.farewell.value || 'The call has ended.';
  if (phase === 'joining') return connection === 'retrying' ? 'Waiting for the server' : 'Joining';
  if (connection !== 'connected') return 'Reconnecting';
  switch (state.presence.value) {
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
      }[state.agentState.value];
  }
}
