/** The caller's microphone: opened once, measured, switched, muted and given back. */

import type { ResourceRegistry, Scope } from '../lib/resources';
import type { Meter, Sound } from './sound';

const PROCESSING: MediaTrackConstraints = {
  echoCancellation: true,
  noiseSuppression: true,
  autoGainControl: true,
  channelCount: 1,
};

const SILENCE_LOOK_MS = 400;
/** Looks without a single sound, 12 s in all, until the caller is asked about it. */
const SILENT_LOOKS = 30;

export class Microphone {
  readonly #scope: Scope;
  readonly #sound: Sound;
  #track: MediaStreamTrack | null = null;
  #release: (() => void)[] = [];
  meter: Meter | null = null;
  /** Called when the device disappears by itself. */
  onLost: () => void = () => undefined;
  /** Called when the device begins or stops to deliver nothing but zeros, as a muted headset does. */
  onSilence: (silent: boolean) => void = () => undefined;
  #silentLooks = 0;

  constructor(registry: ResourceRegistry, sound: Sound) {
    this.#scope = registry.scope('microphone');
    this.#sound = sound;
  }

  static get possible(): boolean {
    return window.isSecureContext && 'mediaDevices' in navigator;
  }

  get track(): MediaStreamTrack | null {
    return this.#track;
  }

  get deviceId(): string {
    return this.#track?.getSettings().deviceId ?? '';
  }

  /**
   * Open a device (the preferred one when empty) and let go of the one before.
   * Rejects as `getUserMedia` does, and then keeps what it has.
   */
  async open(deviceId: string): Promise<MediaStreamTrack> {
    const wanted = deviceId ? { deviceId: { exact: deviceId } } : {};
    const { stream, release } = await this.#scope.userMedia('microphone', {
      audio: { ...PROCESSING, ...wanted },
    });
    const track = stream.getAudioTracks()[0];
    if (!track) {
      release();
      throw new DOMException('The device has no audio.', 'NotFoundError');
    }
    this.#letGo();
    const measured = this.#sound.measure('microphone', track);
    const unlisten = this.#scope.listen(track, 'ended', () => {
      this.#letGo();
      this.onLost();
    });
    this.#silentLooks = 0;
    const look = () => this.#lookForSilence(measured.meter, track);
    const unlook = this.#scope.interval('silence', SILENCE_LOOK_MS, look);
    this.#release = [release, measured.release, unlisten, unlook];
    this.#track = track;
    this.meter = measured.meter;
    return track;
  }

  /** Open the chosen device, or any when it is not there any more. */
  async openPreferred(deviceId: string): Promise<MediaStreamTrack> {
    try {
      return await this.open(deviceId);
    } catch (error) {
      const isGone = error instanceof DOMException && error.name === 'OverconstrainedError';
      if (!deviceId || !isGone) throw error;
      return this.open('');
    }
  }

  #lookForSilence(meter: Meter, track: MediaStreamTrack): void {
    if (!track.enabled) return;
    const before = this.#silentLooks;
    this.#silentLooks = meter.isDigitalSilence() ? before + 1 : 0;
    if (this.#silentLooks === SILENT_LOOKS) this.onSilence(true);
    if (this.#silentLooks === 0 && before >= SILENT_LOOKS) this.onSilence(false);
  }

  close(): void {
    this.#letGo();
    this.#scope.close();
  }

  #letGo(): void {
    for (const release of this.#release) release();
    this.#release = [];
    this.#track = null;
    this.meter = null;
  }
}

export interface Devices {
  inputs: MediaDeviceInfo[];
  outputs: MediaDeviceInfo[];
}

/** Microphones and speakers; nameless until the microphone was allowed once. */
export async function listDevices(): Promise<Devices> {
  if (!Microphone.possible) return { inputs: [], outputs: [] };
  const devices = await navigator.mediaDevices.enumerateDevices().catch(() => []);
  const named = devices.filter((device) => device.deviceId !== '');
  return {
    inputs: named.filter((device) => device.kind === 'audioinput'),
    outputs: named.filter((device) => device.kind === 'audiooutput'),
  };
}

/** Whether this browser lets a page choose the speaker. */
export const canChooseSpeaker = 'setSinkId' in HTMLMediaElement.prototype;
