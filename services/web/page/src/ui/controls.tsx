/** The buttons of a call. */

import { usePage } from '../state/context';
import { words } from '../state/language';
import { prefer, preferences } from '../state/preferences';
import { Icon } from './icons';

export function Controls() {
  const { call, state } = usePage();
  const phase = state.phase.value;
  const muted = state.muted.value;
  const present = state.presence.value === 'present';
  const showsDevices = state.showsDevices.value;
  const { captions } = preferences.value;
  const page = words();

  if (phase === 'ended') {
    return (
      <div class="buttons">
        <button type="button" class="primary" onClick={() => call.rejoin()}>
          <Icon name="phone" />
          {page.rejoin}
        </button>
        <button type="button" class="plain" onClick={() => call.toLobby()}>
          {page.newConversation}
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
        <span>{muted ? page.unmute : page.mute}</span>
      </button>
      <button
        type="button"
        class="round"
        aria-keyshortcuts="Escape"
        disabled={!inCall || !present || !state.isReplying}
        onClick={() => void call.stopSpeaking()}
      >
        <Icon name="stop" />
        <span>{page.stop}</span>
      </button>
      <button
        type="button"
        class="round"
        disabled={!inCall || !present}
        onClick={() => void call.repeat()}
      >
        <Icon name="repeat" />
        <span>{page.repeat}</span>
      </button>
      <button
        type="button"
        class="round"
        aria-pressed={captions}
        onClick={() => prefer({ captions: !captions })}
      >
        <Icon name="captions" />
        <span>{page.captions}</span>
      </button>
      <button
        type="button"
        class="round"
        aria-expanded={showsDevices}
        aria-controls="devices"
        onClick={() => (state.showsDevices.value = !showsDevices)}
      >
        <Icon name="sound" />
        <span>{page.sound}</span>
      </button>
      <button type="button" class="round leave" onClick={() => call.leave()}>
        <Icon name="leave" />
        <span>{inCall ? page.leave : page.cancel}</span>
      </button>
    </div>
  );
}
