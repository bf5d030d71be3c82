/** The caller's microphone: opened, measured, switched and given back. */

import type { Scope } from '../lib/resources';
import type { Meter, Sound } from './sound';

const PROCESSING: MediaTrackConstraints = {
  echoCancellation: true,
  noiseSuppression: true,
  autoGainControl: true,
  channelCount: 1,
};

const SILENCE_CHECK_MS = 400;
/** Checks without a single sound, 12 s in all, after which the caller is asked about it. */
const SILENT_CHECKS = 30;

export interface MicrophoneEvents {
  /** The device disappeared by itself. */
  lost(): void;
  /** The device began or stopped to deliver nothing but zeros, as a muted headset does. */
  silent(silent: boolean): void;
}

/** Gives its device back when its scope closes. */
export class Microphone {
  readonly #scope: Scope;
  readonly #sound: Sound;
  readonly #events: MicrophoneEvents;
  #track: MediaStreamTrack | null = null;
  #release: (() => void)[] = [];
  #silentChecks = 0;
  meter: Meter | null = null;

  constructor(scope: Scope, sound: Sound, events: MicrophoneEvents) {
    this.#scope = scope;
    this.#sound = sound;
    this.#events = events;
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
   * Open a device (the default one when empty) and give back the one before.
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
    this.#giveBack();
    const measured = this.#sound.measure('microphone', track);
    const unlisten = this.#scope.listen(track, 'ended', () => {
      this.#giveBack();
      this.#events.lost();
    });
    this.#silentChecks = 0;
    const check = () => this.#checkForSilence(measured.meter, track);
    const uncheck = this.#scope.interval('silence', SILENCE_CHECK_MS, check);
    this.#release = [release, measured.release, unlisten, uncheck];
    this.#track = track;
    this.meter = measured.meter;
    return track;
  }

  /** Open the chosen device, or the default one where that is gone. */
  async openPreferred(deviceId: string): Promise<MediaStreamTrack> {
    try {
      return await this.open(deviceId);
    } catch (error) {
      const isGone = error instanceof DOMException && error.name === 'OverconstrainedError';
      if (!deviceId || !isGone) throw error;
      return this.open('');
    }
  }

  #checkForSilence(meter: Meter, track: MediaStreamTrack): void {
    if (!track.enabled) return;
    const before = this.#silentChecks;
    this.#silentChecks = meter.isDigitalSilence() ? before + 1 : 0;
    if (this.#silentChecks === SILENT_CHECKS) this.#events.silent(true);
    if (this.#silentChecks === 0 && before >= SILENT_CHECKS) this.#events.silent(false);
  }

  #giveBack(): void {
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

/** Microphones and speakers; nameless until the microphone has been allowed once. */
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
