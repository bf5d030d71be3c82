/** Plays remote voices on the chosen speaker. */

import { type RemoteTrack, type Room, RoomEvent, Track } from 'livekit-client';

import type { Scope } from '../lib/resources';
import type { Meter, Sound } from './sound';

export class Playback {
  readonly #room: Room;
  readonly #scope: Scope;
  readonly #sound: Sound;
  readonly #onBlocked: (blocked: boolean) => void;
  readonly #voices = new Map<
    RemoteTrack,
    { meter: Meter; ofAgent: boolean; release: () => void }
  >();

  /** `onBlocked` is called when the browser starts or stops blocking sound. */
  constructor(room: Room, scope: Scope, sound: Sound, onBlocked: (blocked: boolean) => void) {
    this.#room = room;
    this.#scope = scope;
    this.#sound = sound;
    this.#onBlocked = onBlocked;
    room
      .on(RoomEvent.TrackSubscribed, (track, _, participant) =>
        this.#play(track, participant.isAgent),
      )
      .on(RoomEvent.TrackUnsubscribed, (track) => this.#stop(track))
      .on(RoomEvent.AudioPlaybackStatusChanged, () => this.#onBlocked(!room.canPlaybackAudio));
  }

  /** The meter of the agent's voice, null when there is none. */
  get meter(): Meter | null {
    const voice = [...this.#voices.values()].find(({ ofAgent }) => ofAgent);
    return voice?.meter ?? null;
  }

  /** Let the browser play sound; works only within a click. */
  async enable(): Promise<void> {
    this.#sound.resume();
    await this.#room.startAudio();
    this.#onBlocked(!this.#room.canPlaybackAudio);
  }

  async chooseSpeaker(deviceId: string): Promise<void> {
    await this.#room.switchActiveDevice('audiooutput', deviceId || 'default');
  }

  #play(track: RemoteTrack, ofAgent: boolean): void {
    if (track.kind !== Track.Kind.Audio || this.#voices.has(track)) return;
    const element = track.attach();
    element.hidden = true;
    document.body.append(element);
    const measured = this.#sound.measure('voice', track.mediaStreamTrack);
    const release = this.#scope.own('media-element', 'voice', () => {
      measured.release();
      for (const attached of track.detach()) attached.remove();
    });
    this.#voices.set(track, { meter: measured.meter, ofAgent, release });
  }

  #stop(track: RemoteTrack): void {
    this.#voices.get(track)?.release();
    this.#voices.delete(track);
  }
}
