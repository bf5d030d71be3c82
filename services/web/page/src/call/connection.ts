/** One stay in a room: from its token until it is left or lost. */

import { DisconnectReason, LocalAudioTrack, Room, RoomEvent, Track } from 'livekit-client';
import type { Grant } from '../lib/api';
import type { Scope } from '../lib/resources';
import { Playback } from '../media/playback';
import type { Sound } from '../media/sound';
import { Method, Topic } from '../protocol';
import { type Phrase, words } from '../state/language';
import { type AgentEvents, AgentLink } from './agent-link';
import { Participants, type Person } from './participants';
import { readStreams, type StreamEvents } from './streams';

export interface ConnectionEvents extends AgentEvents {
  reconnecting(): void;
  reconnected(): void;
  /** The room was left; `reason` is a sentence, empty where the connection was lost. */
  ended(reason: Phrase): void;
  soundBlocked(blocked: boolean): void;
  /** The other people in the room, without agents. */
  people(people: readonly Person[]): void;
}

/** Intended disconnections; after any other the page joins again by itself. */
const INTENDED: Partial<Record<DisconnectReason, Phrase>> = {
  [DisconnectReason.CLIENT_INITIATED]: () => words().youLeft,
  [DisconnectReason.DUPLICATE_IDENTITY]: () => words().joinedElsewhere,
  [DisconnectReason.PARTICIPANT_REMOVED]: () => words().removed,
  [DisconnectReason.ROOM_DELETED]: () => words().callEnded,
  [DisconnectReason.ROOM_CLOSED]: () => words().callEnded,
};

/** The caller's track, without livekit-client's check for silence: `Microphone` has its own. */
class MicrophoneTrack extends LocalAudioTrack {
  override checkForSilence(): Promise<boolean> {
    return Promise.resolve(false);
  }
}

// The registry should drop a room's listener once the room is collected, but its clean-up function
// references the room, so every call would stay in memory. Without the registry the room removes its
// listener when it disconnects.
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
  /** A room that cannot be joined reports a disconnection too, in addition to `open` rejecting. */
  #joined = false;
  /** Settles once the room is joined and every track before is published. */
  #ready: Promise<void> = Promise.resolve();

  constructor(
    scope: Scope,
    grant: Grant,
    sound: Sound,
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
    const participants = new Participants(room, scope, (people) => events.people(people));
    this.playback = new Playback(room, scope, sound, (blocked) => events.soundBlocked(blocked));
    this.link = new AgentLink(room, scope, grant.ticket, events);
    room.registerRpcMethod(Method.history, ({ callerIdentity }) =>
      participants.isAgent(callerIdentity)
        ? Promise.resolve(streams.history())
        : Promise.reject(new Error('only agents may request the history')),
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

  /** Publish this track as the microphone, in place of the one before, once the room is joined. */
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
    await this.link.reached();
    await this.#room.localParticipant.sendText(text, { topic: Topic.chat });
  }

  async #publish(track: MediaStreamTrack): Promise<void> {
    if (this.#scope.closed) return;
    if (this.#published?.mediaStreamTrack === track || track.readyState === 'ended') return;
    if (this.#published) {
      await this.#published.replaceTrack(track, { userProvidedTrack: true });
      return;
    }
    // It may have been disabled by a connection that was lost while muted.
    track.enabled = true;
    const local = new MicrophoneTrack(track, undefined, true);
    // From now on it can be muted, even while it is being published.
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
    this.#events.ended(reason === undefined ? '' : (INTENDED[reason] ?? ''));
  };
}
