/** One stay in a room: from its token until it is left or lost. */

import {
  DisconnectReason,
  LocalAudioTrack,
  Room,
  RoomEvent,
  Track,
} from 'livekit-client';

import { AgentLink, type AgentEvents } from './agent-link';
import type { Grant } from '../lib/api';
import { Participants, type Person } from './participants';
import { Playback } from '../media/playback';
import { Method, Topic } from '../protocol';
import type { Scope } from '../lib/resources';
import type { Sound } from '../media/sound';
import { readStreams, type StreamEvents } from './streams';

export interface ConnectionEvents extends AgentEvents {
  reconnecting(): void;
  reconnected(): void;
  /** The room is left; `wanted` says who wanted it, empty when nobody did. */
  ended(wanted: string): void;
  soundBlocked(blocked: boolean): void;
  /** Who else is there, agents left out. */
  people(people: readonly Person[]): void;
}

/** Disconnections that somebody wanted; after any other the page joins again by itself. */
const WANTED: Partial<Record<DisconnectReason, string>> = {
  [DisconnectReason.CLIENT_INITIATED]: 'You left the call.',
  [DisconnectReason.DUPLICATE_IDENTITY]: 'The call was joined from another window.',
  [DisconnectReason.PARTICIPANT_REMOVED]: 'You were taken out of the call.',
  [DisconnectReason.ROOM_DELETED]: 'The call has ended.',
  [DisconnectReason.ROOM_CLOSED]: 'The call has ended.',
};

/** The caller's track. It leaves out livekit-client's look for silence: `Microphone` has its own. */
class MicrophoneTrack extends LocalAudioTrack {
  override checkForSilence(): Promise<boolean> {
    return Promise.resolve(false);
  }
}

// The registry is to drop a room's listener once nobody holds the room, but the clean-up function
// that it keeps holds the room itself: each call would stay in memory. Without the registry the
// room removes its listener when it disconnects.
Room.cleanupRegistry = false;

export class Connection {
  readonly #room: Room;
  readonly #scope: Scope;
  readonly #grant: Grant;
  readonly #events: ConnectionEvents;
  readonly playback: Playback;
  readonly link: AgentLink;
  #published: LocalAudioTrack | null = null;
  #muted = false;
  /** A room that cannot be joined says that it is left, too; `open` rejects then, and that is all. */
  #joined = false;
  /** Settles once the room is joined and every track before is published. */
  #ready: Promise<void> = Promise.resolve();

  constructor(
    scope: Scope,
    grant: Grant,
    sound: Sound,
    mayDispatch: boolean,
    events: ConnectionEvents,
    streams: StreamEvents & { history(): string },
  ) {
    this.#scope = scope;
    this.#grant = grant;
    this.#events = events;
    const room = new Room({
      disconnectOnPageLeave: false,
      stopLocalTrackOnUnpublish: false,
      publishDefaults: { dtx: true, red: true, stopMicTrackOnMute: false },
    });
    this.#room = room;
    const participants = new Participants(room, scope);
    participants.onChanged = (people) => events.people(people);
    this.playback = new Playback(room, scope, sound);
    this.playback.onBlocked = (blocked) => events.soundBlocked(blocked);
    this.link = new AgentLink(room, scope, grant.ticket, mayDispatch, events);
    room.registerRpcMethod(Method.history, ({ callerIdentity }) =>
      participants.isAgent(callerIdentity)
        ? Promise.resolve(streams.history())
        : Promise.reject(new Error('only agents may ask')),
    );
    readStreams(room, participants, streams);
    room
      .on(RoomEvent.Reconnecting, () => events.reconnecting())
      .on(RoomEvent.SignalReconnecting, () => events.reconnecting())
      .on(RoomEvent.Reconnected, () => events.reconnected())
      .on(RoomEvent.Disconnected, this.#disconnected);
  }

  /** Join the room. Rejects when LiveKit cannot be reached or refuses the token. */
  async open(): Promise<void> {
    const room = this.#room;
    this.#scope.own('room', this.#grant.room || 'room', () => {
      room.off(RoomEvent.Disconnected, this.#disconnected);
      void room.disconnect(false).catch(() => undefined);
      room.removeAllListeners();
    });
    const joined = room.connect(this.#grant.url, this.#grant.token);
    this.#ready = joined.catch(() => undefined);
    await joined;
    this.#joined = true;
    if (!this.#scope.closed) this.link.start();
  }

  get roomName(): string {
    return this.#room.name || this.#grant.room;
  }

  /** Send this track as the microphone, in place of the one before, once the room is joined. */
  publish(track: MediaStreamTrack, muted: boolean): Promise<void> {
    this.#muted = muted;
    const published = this.#ready.then(() => this.#publish(track));
    this.#ready = published.catch(() => undefined);
    return published;
  }

  async setMuted(muted: boolean): Promise<void> {
    this.#muted = muted;
    const track = this.#published;
    if (track) await (muted ? track.mute() : track.unmute());
  }

  /** Send typed words. Rejects when they cannot be sent. */
  async send(text: string): Promise<void> {
    await this.#room.localParticipant.sendText(text, { topic: Topic.chat });
  }

  async #publish(track: MediaStreamTrack): Promise<void> {
    if (this.#scope.closed) return;
    if (this.#published?.mediaStreamTrack === track || track.readyState === 'ended') return;
    if (this.#published) {
      await this.#published.replaceTrack(track, { userProvidedTrack: true });
      return;
    }
    // It may come from a connection that was lost while muted.
    track.enabled = true;
    const local = new MicrophoneTrack(track, undefined, true);
    // It can be muted from now on, also while it is on its way.
    this.#published = local;
    try {
      if (this.#muted) await local.mute();
      await this.#room.localParticipant.publishTrack(local, { source: Track.Source.Microphone });
    } catch (error) {
      this.#published = null;
      throw error;
    }
  }

  readonly #disconnected = (reason?: DisconnectReason): void => {
    if (!this.#joined) return;
    this.#events.ended(reason === undefined ? '' : (WANTED[reason] ?? ''));
  };
}
