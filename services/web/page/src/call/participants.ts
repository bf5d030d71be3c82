/** Who is in the room, and who was: whose words are the agent's, and whose are a guest's. */

import { RoomEvent, Track, type Participant, type RemoteParticipant, type Room } from 'livekit-client';

import type { Scope } from '../lib/resources';
import type { Side } from './transcript';

/** Whose words something is. */
export interface Who {
  readonly side: Side;
  readonly name: string;
}

/** Somebody else in the call, who is no agent. */
export interface Person {
  readonly identity: string;
  readonly name: string;
  /** False for one who only listens. */
  readonly speaks: boolean;
}

/** Of those who left; each is some hundred bytes. */
const MOST_REMEMBERED = 200;
/**
 * What somebody sends may be here before the news that they came: of those who publish no track
 * LiveKit tells every three seconds only.
 */
const NEWS_WITHIN_MS = 5000;

export class Participants {
  readonly #room: Room;
  readonly #scope: Scope;
  readonly #awaited = new Set<() => void>();
  /** Those who left: what they sent may still be on its way. */
  readonly #gone = new Map<string, Who>();
  /** Called when somebody comes, goes, or begins or ends to send sound. */
  onChanged: (people: readonly Person[]) => void = () => undefined;

  constructor(room: Room, scope: Scope) {
    this.#room = room;
    this.#scope = scope;
    const changed = () => {
      this.onChanged(this.people);
      for (const look of this.#awaited) look();
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

  /** The others, without agents. */
  get people(): readonly Person[] {
    return [...this.#room.remoteParticipants.values()]
      .filter((participant) => !participant.isAgent)
      .map((participant) => ({
        identity: participant.identity,
        name: participant.name || 'Guest',
        speaks: sendsSound(participant),
      }));
  }

  /** Who an identity is or was; null for one that was never seen here. */
  who(identity: string): Who | null {
    if (identity === this.#room.localParticipant.identity) return { side: 'caller', name: 'You' };
    const participant = this.#room.remoteParticipants.get(identity);
    return participant ? described(participant) : (this.#gone.get(identity) ?? null);
  }

  /** The same, where the news of who came may still be on its way. */
  async whenKnown(identity: string): Promise<Who | null> {
    const known = this.who(identity);
    if (known) return known;
    return new Promise((resolve) => {
      const settle = (who: Who | null) => {
        this.#awaited.delete(look);
        release();
        resolve(who);
      };
      const look = () => {
        const who = this.who(identity);
        if (who) settle(who);
      };
      const release = this.#scope.timeout('who sent this', NEWS_WITHIN_MS, () => settle(null));
      this.#awaited.add(look);
    });
  }

  /** Whether an identity is or was an agent, which is a matter of its token and not of its name. */
  isAgent(identity: string): boolean {
    return this.who(identity)?.side === 'agent';
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

/** A guest is marked as one, since a guest's name may be anything. */
function described(participant: Participant): Who {
  if (participant.isAgent) return { side: 'agent', name: 'Agent' };
  return { side: 'guest', name: participant.name ? `${participant.name} (guest)` : 'Guest' };
}

function sendsSound(participant: Participant): boolean {
  return [...participant.trackPublications.values()].some(({ kind }) => kind === Track.Kind.Audio);
}
