/** The buttons of a call. */

import { usePage } from '../state/context';
import { prefer, preferences } from '../state/preferences';
import { Icon } from './icons';

export function Controls() {
  const { call, state } = usePage();
  const phase = state.phase.value;
  const muted = state.muted.value;
  const present = state.presence.value === 'present';
  const speaking = state.agentState.value === 'speaking';
  const showsDevices = state.showsDevices.value;
  const { captions } = preferences.value;

  if (phase === 'ended') {
    return (
      <div class="buttons">
        <button type="button" class="primary" onClick={() => call.rejoin()}>
          <Icon name="phone" />
          Rejoin
        </button>
        <button type="button" class="plain" onClick={() => call.toLobby()}>
          New conversation
        </button>
      </div>
    );
  }
  const inCall = phase === 'call';
  return (
    <div class="buttons">
      <button
        type="button"
        class="round mute"
        aria-pressed={muted}
        aria-keyshortcuts="Space"
        disabled={!inCall || !state.hasMicrophone.value}
        onClick={() => void call.setMuted(!muted)}
      >
        <Icon name={muted ? 'muted' : 'mic'} />
        <span>{muted ? 'Unmute' : 'Mute'}</span>
      </button>
      <button
        type="button"
        class="round"
        aria-keyshortcuts="Escape"
        disabled={!inCall || !present || !speaking}
        onClick={() => void call.stopSpeaking()}
      >
        <Icon name="stop" />
        <span>Stop</span>
      </button>
      <button
        type="button"
        class="round"
        disabled={!inCall || !present}
        onClick={() => void call.repeat()}
      >
        <Icon name="repeat" />
        <span>Repeat</span>
      </button>
      <button
        type="button"
        class="round"
        aria-pressed={captions}
        onClick={() => prefer({ captions: !captions })}
      >
        <Icon name="captions" />
        <span>Captions</span>
      </button>
      <button
        type="button"
        class="round"
        aria-expanded={showsDevices}
        aria-controls="devices"
        onClick={() => (state.showsDevices.value = !showsDevices)}
      >
        <Icon name="sound" />
        <span>Sound</span>
      </button>
      <button type="button" class="round leave" onClick={() => call.leave()}>
        <Icon name="leave" />
        <span>{inCall ? 'Leave' : 'Cancel'}</span>
      </button>
    </div>
  );
}
