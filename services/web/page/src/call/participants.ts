/** The people and agents in the room, present and past, by identity. */

import {
  type Participant,
  type RemoteParticipant,
  type Room,
  RoomEvent,
  Track,
} from 'livekit-client';

import type { Scope } from '../lib/resources';
import { ParticipantAttribute } from '../protocol';
import type { Side } from './transcript';

/** Who sent something. */
export interface Sender {
  readonly side: Side;
  /** The name that a guest chose; may be empty. */
  readonly name: string;
  /** Code of the language of an agent's words, empty where it is not known. */
  readonly language?: string;
}

/** Another person in the call. */
export interface Person {
  readonly identity: string;
  /** As they chose it; may be empty. */
  readonly name: string;
  /** Whether they publish sound. */
  readonly speaks: boolean;
}

/** Participants remembered after they left; each takes a few hundred bytes. */
const MOST_REMEMBERED = 200;
/**
 * A message may arrive before the news that its sender joined: LiveKit announces participants who
 * publish no track only every three seconds.
 */
const ANNOUNCED_WITHIN_MS = 5000;

export class Participants {
  readonly #room: Room;
  readonly #scope: Scope;
  readonly #pending = new Set<() => void>();
  /** Those who left: what they sent may still be on its way. */
  readonly #gone = new Map<string, Sender>();

  /** `onChanged` is called when someone joins, leaves, or starts or stops publishing sound. */
  constructor(room: Room, scope: Scope, onChanged: (people: readonly Person[]) => void) {
    this.#room = room;
    this.#scope = scope;
    const changed = () => {
      onChanged(this.people);
      for (const check of this.#pending) check();
    };
    room
      .on(RoomEvent.Connected, changed)
      .on(RoomEvent.Reconnected, changed)
      .on(RoomEvent.ParticipantConnected, changed)
      .on(RoomEvent.ParticipantNameChanged, changed)
      .on(RoomEvent.TrackPublished, changed)
      .on(RoomEvent.TrackUnpublished, changed)
      .on(RoomEvent.ParticipantDisconnected, (participant) => {
        this.#remember(participant);
        changed();
      });
  }

  /** The other people, without agents. */
  get people(): readonly Person[] {
    return [...this.#room.remoteParticipants.values()]
      .filter((participant) => !participant.isAgent)
      .map((participant) => ({
        identity: participant.identity,
        name: participant.name ?? '',
        speaks: publishesSound(participant),
      }));
  }

  /** The sender with this identity, or null if it never joined. */
  sender(identity: string): Sender | null {
    if (identity === this.#room.localParticipant.identity) return { side: 'caller', name: '' };
    const participant = this.#room.remoteParticipants.get(identity);
    return participant ? described(participant) : (this.#gone.get(identity) ?? null);
  }

  /** As `sender`, but wait for the announcement that they joined. */
  async awaitSender(identity: string): Promise<Sender | null> {
    const known = this.sender(identity);
    if (known) return known;
    return new Promise((resolve) => {
      const settle = (sender: Sender | null) => {
        this.#pending.delete(check);
        release();
        resolve(sender);
      };
      const check = () => {
        const sender = this.sender(identity);
        if (sender) settle(sender);
      };
      const release = this.#scope.timeout('unknown sender', ANNOUNCED_WITHIN_MS, () =>
        settle(null),
      );
      this.#pending.add(check);
    });
  }

  /** Whether an identity is or was an agent, which its token decides and not its name. */
  isAgent(identity: string): boolean {
    return this.sender(identity)?.side === 'agent';
  }

  #remember(participant: RemoteParticipant): void {
    this.#gone.delete(participant.identity);
    this.#gone.set(participant.identity, described(participant));
    for (const identity of this.#gone.keys()) {
      if (this.#gone.size <= MOST_REMEMBERED) break;
      this.#gone.delete(identity);
    }
  }
}

function described(participant: Participant): Sender {
  if (participant.isAgent) {
    const language = participant.attributes[ParticipantAttribute.language] ?? '';
    return { side: 'agent', name: '', language };
  }
  return { side: 'guest', name: participant.name ?? '' };
}

function publishesSound(participant: Participant): boolean {
  return [...participant.trackPublications.values()].some(({ kind }) => kind === Track.Kind.Audio);
}
