/** The caller's microphone and the meters, opened when first needed and given back together. */

import type { ResourceRegistry, Scope } from '../lib/resources';
import { Microphone } from '../media/microphone';
import { type Meter, Sound } from '../media/sound';
import type { CallState } from '../state/call-state';
import {
  INSECURE_ORIGIN,
  microphoneNotice,
  microphoneUnplugged,
  silentMicrophone,
} from './failures';

interface Devices {
  readonly scope: Scope;
  readonly sound: Sound;
  readonly microphone: Microphone;
}

export class CallAudio {
  readonly #state: CallState;
  readonly #registry: ResourceRegistry;
  readonly #onTrack: (track: MediaStreamTrack) => void;
  #devices: Devices | null = null;

  /** `onTrack` is called with the track of each microphone that was opened. */
  constructor(
    state: CallState,
    registry: ResourceRegistry,
    onTrack: (track: MediaStreamTrack) => void,
  ) {
    this.#state = state;
    this.#registry = registry;
    this.#onTrack = onTrack;
  }

  get sound(): Sound {
    return this.#open().sound;
  }

  /** The open microphone's track, null while none is open. */
  get track(): MediaStreamTrack | null {
    return this.#devices?.microphone.track ?? null;
  }

  /** The open microphone's meter, null while none is open. */
  get meter(): Meter | null {
    return this.#devices?.microphone.meter ?? null;
  }

  /** Open a microphone, the default one when `deviceId` is empty; a failure becomes a notice. */
  async openMicrophone(deviceId: string): Promise<void> {
    const { notices, hasMicrophone, microphoneId } = this.#state;
    if (!Microphone.possible) {
      notices.show(INSECURE_ORIGIN);
      return;
    }
    const devices = this.#open();
    const { microphone } = devices;
    let track: MediaStreamTrack;
    try {
      track = await microphone.openPreferred(deviceId);
    } catch (error) {
      if (devices !== this.#devices) return;
      hasMicrophone.value = microphone.track !== null;
      notices.show(microphoneNotice(error, this.retry));
      return;
    }
    notices.dismiss('microphone', 'silence');
    hasMicrophone.value = true;
    microphoneId.value = microphone.deviceId;
    this.#onTrack(track);
  }

  /** Open any microphone. */
  readonly retry = (): void => void this.openMicrophone('');

  close(): void {
    this.#devices?.scope.close();
    this.#devices = null;
    this.#state.hasMicrophone.value = false;
  }

  #open(): Devices {
    if (this.#devices) return this.#devices;
    const { notices, phase, hasMicrophone, microphoneId, showsDevices } = this.#state;
    const scope = this.#registry.scope('audio');
    const sound = new Sound(scope);
    const microphone = new Microphone(scope, sound, {
      lost: () => {
        hasMicrophone.value = false;
        microphoneId.value = '';
        notices.show(microphoneUnplugged(this.retry));
      },
      silent: (silent) => {
        const inLobby = phase.peek() === 'lobby';
        if (silent && !inLobby) notices.show(silentMicrophone(() => (showsDevices.value = true)));
        else notices.dismiss('silence');
      },
    });
    this.#devices = { scope, sound, microphone };
    return this.#devices;
  }
}
