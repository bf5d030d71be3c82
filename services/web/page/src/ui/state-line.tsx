/** What is going on, in words: shown large, and told to screen readers. */

import { usePage } from '../context';
import type { CallState } from '../state';
import { useStore } from '../store';

export function StateLine() {
  const { callStore } = usePage();
  const word = useStore(callStore, stateWord);
  const muted = useStore(callStore, (state) => state.muted && state.phase === 'call');
  return (
    <p class="state" role="status" data-testid="state">
      <span>{word}</span>
      {muted && <span class="muted"> · you are muted</span>}
    </p>
  );
}

export function stateWord(state: CallState): string {
  if (state.phase === 'ended') return state.farewell || 'The call has ended.';
  if (state.phase === 'joining') {
    return state.connection === 'retrying' ? 'Waiting for the server' : 'Joining';
  }
  if (state.connection !== 'connected') return 'Reconnecting';
  switch (state.presence) {
    case 'waiting':
      return 'Waiting for the agent';
    case 'busy':
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
