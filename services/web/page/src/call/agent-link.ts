/** Watches over the agent in a room: is one there, does it answer, and if not, ask for another. */

import {
  ConnectionQuality,
  ConnectionState,
  DisconnectReason,
  RpcError,
  RoomEvent,
  type Participant,
  type RemoteParticipant,
  type Room,
} from 'livekit-client';

import { ApiFailure, readStatus, requestDispatch } from '../lib/api';
import { AgentState, Method, ParticipantAttribute, Pong } from '../protocol';
import type { Scope } from '../lib/resources';

/** `busy`: all have their calls; `absent`: none runs; `unknown`: either; `lost`: it was there. */
export type Presence = 'waiting' | 'present' | 'busy' | 'absent' | 'unknown' | 'lost';

export interface AgentEvents {
  presence(presence: Presence): void;
  state(state: AgentState): void;
  info(json: string): void;
  /** The agent ended the call and is gone. */
  farewell(text: string): void;
  /** This browser's own place in the room is gone. */
  outcast(): void;
}

const PING_EVERY_MS = 2000;
const PONG_WITHIN_MS = 2500;
const MISSES_UNTIL_LOST = 2;
/** How long an agent may take to arrive before the caller is told that all are busy. */
const ARRIVAL_MS = 3500;
/** How long after an agent left in order its goodbye may still arrive. */
const FAREWELL_MS = 1500;
/** How long an agent may stay after its goodbye until the call ends without it. */
const LONGEST_FAREWELL_MS = 5000;
const LONGEST_PAUSE_MS = 30_000;
const STATES: readonly string[] = Object.values(AgentState);
const CALL_ENDED = 'The call has ended.';
const UNSUPPORTED = RpcError.ErrorCode.UNSUPPORTED_METHOD;

export class AgentLink {
  readonly #room: Room;
  readonly #scope: Scope;
  readonly #events: AgentEvents;
  readonly #ticket: string;
  readonly #mayDispatch: boolean;
  #agent: RemoteParticipant | null = null;
  #misses = 0;
  #pinging = false;
  #searching = false;
  #wake: (() => void) | null = null;
  #farewell = '';

  constructor(room: Room, scope: Scope, ticket: string, mayDispatch: boolean, events: AgentEvents) {
    this.#room = room;
    this.#scope = scope;
    this.#ticket = ticket;
    this.#mayDispatch = mayDispatch;
    this.#events = events;
  }

  get agent(): RemoteParticipant | null {
    return this.#agent;
  }

  /** Begin to watch; call it once connected. Ends with the scope. */
  start(): void {
    this.#room
      .on(RoomEvent.ParticipantConnected, this.#joined)
      .on(RoomEvent.ParticipantDisconnected, this.#left)
      .on(RoomEvent.ParticipantAttributesChanged, this.#attributes)
      .on(RoomEvent.ConnectionQualityChanged, this.#quality)
      .on(RoomEvent.Reconnected, this.#reconcile);
    this.#scope.interval('agent heartbeat', PING_EVERY_MS, () => void this.#ping());
    this.#reconcile();
  }

  /** What the agent said when it ended the call; empty while the call goes on. */
  get farewell(): string {
    return this.#farewell;
  }

  /** The agent ended the call: its leaving is no failure then, and no other is asked for. */
  sayFarewell(text: string): void {
    if (this.#farewell) return;
    this.#farewell = text || CALL_ENDED;
    this.#wake?.();
    this.#scope.timeout('farewell', LONGEST_FAREWELL_MS, () => this.#events.farewell(this.#farewell));
  }

  /** Ask for an agent without waiting for the pause to end. */
  searchNow(): void {
    this.#wake?.();
  }

  /** Tell the agent something; rejects when it does not take it. */
  async call(method: Method): Promise<string> {
    if (!this.#agent) throw new Error('no agent in the room');
    return this.#room.localParticipant.performRpc({
      destinationIdentity: this.#agent.identity,
      method,
      payload: '',
    });
  }

  /** The agent that came last: one that is dead or on its way out is older. */
  get #newest(): RemoteParticipant | undefined {
    return [...this.#room.remoteParticipants.values()].findLast((p) => p.isAgent);
  }

  readonly #reconcile = (): void => {
    const agent = this.#newest;
    if (agent && agent.identity !== this.#agent?.identity) void this.#meet(agent);
    else if (!agent && this.#agent) this.#left(this.#agent);
    else if (!agent) void this.#search('waiting');
  };

  /** One that is there already may be on its way out, or dead: it is asked before it counts. */
  async #meet(agent: RemoteParticipant): Promise<void> {
    const answer = await this.#answer(agent);
    if (this.#scope.closed || this.#agent) return;
    if (answer === Pong.ended) this.sayFarewell(CALL_ENDED);
    else if (answer === Pong.leaves || this.#newest !== agent) void this.#search('waiting', '', 0);
    else {
      this.#joined(agent);
      if (!answer) this.#misses = 1;
    }
  }

  readonly #joined = (participant: RemoteParticipant): void => {
    if (!participant.isAgent) return;
    this.#agent = participant;
    this.#misses = 0;
    this.#wake?.();
    this.#events.presence('present');
    this.#read(participant.attributes);
  };

  readonly #left = (participant: RemoteParticipant, reason?: DisconnectReason): void => {
    if (participant.identity !== this.#agent?.identity) return;
    this.#agent = null;
    const other = this.#newest;
    if (other) {
      this.#joined(other);
      return;
    }
    if (this.#farewell) {
      this.#events.farewell(this.#farewell);
      return;
    }
    // Its goodbye travels another way than the news that it left, and may come later.
    const patienceMs = reason === DisconnectReason.CLIENT_INITIATED ? FAREWELL_MS : 0;
    this.#scope.timeout('farewell', patienceMs, () => {
      if (this.#agent) return;
      if (this.#farewell) this.#events.farewell(this.#farewell);
      else void this.#search('lost');
    });
  };

  readonly #attributes = (changed: Record<string, string>, participant: Participant): void => {
    if (participant.identity === this.#agent?.identity) this.#read(changed);
  };

  readonly #quality = (quality: ConnectionQuality, participant: Participant): void => {
    if (participant.identity !== this.#agent?.identity) return;
    if (quality === ConnectionQuality.Lost) {
      this.#misses = Math.max(this.#misses, MISSES_UNTIL_LOST - 1);
      void this.#ping();
    }
  };

  #read(attributes: Readonly<Record<string, string>>): void {
    const state = attributes[ParticipantAttribute.state];
    if (state && STATES.includes(state)) this.#events.state(state as AgentState);
    const info = attributes[ParticipantAttribute.info];
    if (info) this.#events.info(info);
  }

  async #ping(): Promise<void> {
    const agent = this.#agent;
    if (!agent || this.#pinging || this.#room.state !== ConnectionState.Connected) return;
    this.#pinging = true;
    const answer = await this.#answer(agent);
    this.#pinging = false;
    if (this.#scope.closed || agent !== this.#agent) return;
    if (answer === Pong.ended) this.sayFarewell(CALL_ENDED);
    if (answer === Pong.leaves) {
      this.#agent = null;
      void this.#search('lost');
      return;
    }
    this.#misses = answer ? 0 : this.#misses + 1;
    if (this.#misses >= MISSES_UNTIL_LOST && this.#ownConnectionIsGood()) {
      this.#agent = null;
      void this.#search('lost', agent.identity);
    }
  }

  /** What the agent answers to a ping; empty where it answers nothing. */
  #answer(agent: RemoteParticipant): Promise<string> {
    return new Promise((resolve) => {
      const release = this.#scope.timeout('agent answer', PONG_WITHIN_MS, () => resolve(''));
      const settle = (answer: string) => {
        release();
        resolve(answer);
      };
      this.#room.localParticipant
        .performRpc({ destinationIdentity: agent.identity, method: Method.ping, payload: '' })
        .then(
          (answer) => settle(answer || Pong.serves),
          (error: unknown) => {
            const knowsNone = error instanceof RpcError && error.code === UNSUPPORTED;
            settle(knowsNone ? Pong.serves : '');
          },
        );
    });
  }

  #ownConnectionIsGood(): boolean {
    const quality = this.#room.localParticipant.connectionQuality;
    return navigator.onLine && quality !== ConnectionQuality.Lost;
  }

  /** Ask for an agent, with the pauses that the server names, until one is there. */
  async #search(
    presence: Presence,
    unresponsive = '',
    patienceMs = presence === 'waiting' ? ARRIVAL_MS : 0,
  ): Promise<void> {
    if (this.#farewell) return;
    this.#events.presence(presence);
    if (this.#searching) return;
    this.#searching = true;
    let dead = unresponsive;
    if (patienceMs > 0) await this.#pause(patienceMs);
    while (this.#wantsAgent()) {
      const answer = await this.#ask(dead);
      if (!this.#wantsAgent()) break;
      if (answer.state === 'ended') this.sayFarewell(CALL_ENDED);
      if (answer.state === 'dispatched') dead = '';
      // The server has asked it, and it answers: it was our own connection that was slow.
      if (answer.state === 'present') this.#reconcile();
      if (!this.#wantsAgent()) break;
      if (presence === 'waiting') this.#events.presence(await whyNone());
      await this.#pause(answer.pauseMs);
    }
    this.#searching = false;
  }

  #wantsAgent(): boolean {
    return !this.#scope.closed && !this.#agent && !this.#farewell;
  }

  async #ask(dead: string): Promise<{ state: string; pauseMs: number }> {
    if (!this.#mayDispatch) return { state: 'waiting', pauseMs: LONGEST_PAUSE_MS };
    try {
      const answer = await requestDispatch(this.#ticket, dead || undefined);
      const pauseMs = Math.min(answer.retry_after_seconds * 1000, LONGEST_PAUSE_MS);
      return { state: answer.state, pauseMs };
    } catch (error) {
      if (error instanceof ApiFailure && error.code === 'not_in_room') this.#events.outcast();
      const seconds = (error instanceof ApiFailure && error.retryAfterSeconds) || 5;
      return { state: 'waiting', pauseMs: seconds * 1000 };
    }
  }

  async #pause(delayMs: number): Promise<void> {
    const woken = new Promise<void>((resolve) => (this.#wake = resolve));
    await Promise.race([this.#scope.sleep('agent search', delayMs), woken]);
    this.#wake = null;
  }
}

async function whyNone(): Promise<Presence> {
  const status = await readStatus().catch(() => null);
  if (status?.busy) return 'busy';
  return status?.ready === false ? 'absent' : 'unknown';
}
