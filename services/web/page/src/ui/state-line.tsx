/** The state of the call in words: shown large, and announced by screen readers in part. */

import type { CallState } from '../state/call-state';
import { usePage } from '../state/context';
import { said, words } from '../state/language';

export function StateLine() {
  const { state } = usePage();
  const muted = state.muted.value && state.phase.value === 'call';
  return (
    <>
      <p class="state" data-testid="state">
        <span>{stateWord(state)}</span>
        {muted && <span class="muted">{words().youAreMutedAside}</span>}
      </p>
      <p class="sr-only" role="status">
        {announce(state)}
        {muted && ` ${words().youAreMuted}`}
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
  return isSettled && state.presence.value === 'present' ? words().agentIsHere : stateWord(state);
}

export function stateWord(state: CallState): string {
  const phase = state.phase.value;
  const connection = state.connection.value;
  const page = words();
  if (phase === 'lobby') return page.notInCall;
  if (phase === 'ended') return said(state.farewell.value) || page.callEnded;
  if (phase === 'joining') return connection === 'retrying' ? page.waitingForServer : page.joining;
  if (connection !== 'connected') return page.reconnecting;
  switch (state.presence.value) {
    case 'waiting':
      return page.waitingForAgent;
    case 'busy':
    case 'unknown':
      return page.allBusy;
    case 'absent':
      return page.noneRuns;
    case 'lost':
      return page.gettingBack;
    case 'present':
      return page[state.agentState.value];
  }
}
