/** The buttons of a call. */

import { usePage } from '../state/context';
import { useStore } from '../state/store';
import { Icon } from './icons';

interface Props {
  showsDevices: boolean;
  onDevices: () => void;
}

export function Controls({ showsDevices, onDevices }: Props) {
  const { call, callStore, preferences } = usePage();
  const phase = useStore(callStore, (state) => state.phase);
  const muted = useStore(callStore, (state) => state.muted);
  const hasMicrophone = useStore(callStore, (state) => state.hasMicrophone);
  const present = useStore(callStore, (state) => state.presence === 'present');
  const speaking = useStore(callStore, (state) => state.agentState === 'speaking');
  const captions = useStore(preferences, (state) => state.captions);

  if (phase === 'ended') {
    return (
      <div class="buttons">
        <button type="button" class="primary" onClick={() => call.remedy('rejoin')}>
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
        disabled={!inCall || !hasMicrophone}
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
        onClick={() => preferences.set({ captions: !captions })}
      >
        <Icon name="captions" />
        <span>Captions</span>
      </button>
      <button
        type="button"
        class="round"
        aria-expanded={showsDevices}
        aria-controls="devices"
        onClick={onDevices}
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
