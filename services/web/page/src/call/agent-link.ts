/** Watches the agent in a room, and requests another when there is none or it does not answer. */

import {
  ConnectionQuality,
  ConnectionState,
  DisconnectReason,
  type Participant,
  type RemoteParticipant,
  type Room,
  RoomEvent,
  RpcError,
} from 'livekit-client';

import { ApiFailure, readStatus, requestDispatch } from '../lib/api';
import { Pause } from '../lib/pause';
import type { Scope } from '../lib/resources';
import { AgentState, Method, ParticipantAttribute, Pong } from '../protocol';
import { type Phrase, words } from '../state/language';

/** `busy`: all are in calls; `absent`: none runs; `unknown`: one of these; `lost`: it was there. */
export type Presence = 'waiting' | 'present' | 'busy' | 'absent' | 'unknown' | 'lost';

export interface AgentEvents {
  presence(presence: Presence): void;
  state(state: AgentState): void;
  info(json: string): void;
  /** The agent ended the call and is gone. */
  hungUp(farewell: Phrase): void;
  /** This browser is no longer in the room. */
  removed(): void;
}

const PING_EVERY_MS = 2000;
const PONG_WITHIN_MS = 2500;
const ANSWER_AGAIN_MS = 300;
/** How long typed words wait for an agent that does not answer; they are sent then all the same. */
const REACHED_WITHIN_MS = 8000;
const MISSES_UNTIL_LOST = 2;
/** How long an agent may take to arrive before the caller is told that all are busy. */
const ARRIVAL_MS = 3500;
/** How long after an agent left as intended its goodbye may still arrive. */
const FAREWELL_MS = 1500;
/** How long an agent may stay after its goodbye before the call ends anyway. */
const LONGEST_FAREWELL_MS = 5000;
const LONGEST_PAUSE_MS = 30_000;
const STATES: readonly string[] = Object.values(AgentState);
const UNSUPPORTED = RpcError.ErrorCode.UNSUPPORTED_METHOD;

const callEnded = () => words().callEnded;

export class AgentLink {
  readonly #room: Room;
  readonly #scope: Scope;
  readonly #events: AgentEvents;
  readonly #ticket: string;
  #agent: RemoteParticipant | null = null;
  #misses = 0;
  #pinging = false;
  /** The identity of the agent that has answered, and so can be sent to. */
  #reached = '';
  #reaching: Promise<void> | null = null;
  #searching = false;
  readonly #pause: Pause;
  #farewell: Phrase = '';

  constructor(room: Room, scope: Scope, ticket: string, events: AgentEvents) {
    this.#room = room;
    this.#scope = scope;
    this.#ticket = ticket;
    this.#events = events;
    this.#pause = new Pause(scope, 'agent search');
  }

  /** Start watching, once connected, until the scope closes. */
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
  get farewell(): Phrase {
    return this.#farewell;
  }

  /** The agent ended the call: when it leaves, no other one is requested. */
  agentHungUp(text: Phrase): void {
    if (this.#farewell) return;
    this.#farewell = text || callEnded;
    this.#pause.wake();
    this.#scope.timeout('farewell', LONGEST_FAREWELL_MS, () => this.#events.hungUp(this.#farewell));
  }

  /** Request an agent without waiting for the pause to end. */
  searchNow(): void {
    this.#pause.wake();
  }

  /**
   * Resolves once what is sent reaches the agent, or soon in any case.
   *
   * LiveKit drops what is sent to a participant whose data channel is not open yet, as for a moment
   * after it joined. An answer shows that it is.
   */
  reached(): Promise<void> {
    this.#reaching ??= this.#untilReached().finally(() => {
      this.#reaching = null;
    });
    return this.#reaching;
  }

  async #untilReached(): Promise<void> {
    const until = performance.now() + REACHED_WITHIN_MS;
    const again = new Pause(this.#scope, 'agent reached');
    for (;;) {
      const agent = this.#agent;
      if (!agent || this.#scope.closed || this.#reached === agent.identity) return;
      if ((await this.#pong(agent)) || performance.now() > until) return;
      await again.wait(ANSWER_AGAIN_MS);
    }
  }

  /** Call a method of the agent. Rejects when it fails or there is no agent. */
  async call(method: Method): Promise<string> {
    if (!this.#agent) throw new Error('no agent in the room');
    return this.#room.localParticipant.performRpc({
      destinationIdentity: this.#agent.identity,
      method,
      payload: '',
    });
  }

  /** The agent that joined last: one that is dead or leaving is older. */
  get #newest(): RemoteParticipant | undefined {
    return [...this.#room.remoteParticipants.values()].findLast((p) => p.isAgent);
  }

  readonly #reconcile = (): void => {
    const agent = this.#newest;
    if (agent && agent.identity !== this.#agent?.identity) void this.#adopt(agent);
    else if (!agent && this.#agent) this.#left(this.#agent);
    else if (!agent) void this.#search('waiting');
  };

  /** An agent that was there first may be leaving or dead, so it is pinged before it counts. */
  async #adopt(agent: RemoteParticipant): Promise<void> {
    let answer = await this.#pong(agent);
    if (!answer) {
      // One that is just disconnecting fails to answer, and is gone a moment later.
      await new Pause(this.#scope, 'agent answer').wait(ANSWER_AGAIN_MS);
      answer = await this.#pong(agent);
    }
    if (this.#scope.closed || this.#agent) return;
    if (answer === Pong.ended) this.agentHungUp(callEnded);
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
    this.#pause.wake();
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
      this.#events.hungUp(this.#farewell);
      return;
    }
    // Its goodbye travels separately from the news that it left, and may come later.
    const patienceMs = reason === DisconnectReason.CLIENT_INITIATED ? FAREWELL_MS : 0;
    this.#scope.timeout('farewell', patienceMs, () => {
      if (this.#agent) return;
      if (this.#farewell) this.#events.hungUp(this.#farewell);
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
    const answer = await this.#pong(agent);
    this.#pinging = false;
    if (this.#scope.closed || agent !== this.#agent) return;
    if (answer === Pong.ended) this.agentHungUp(callEnded);
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

  /** The agent's answer to a ping, empty when none comes in time. */
  #pong(agent: RemoteParticipant): Promise<string> {
    return new Promise((resolve) => {
      const release = this.#scope.timeout('agent answer', PONG_WITHIN_MS, () => resolve(''));
      const settle = (answer: string) => {
        if (answer) this.#reached = agent.identity;
        release();
        resolve(answer);
      };
      this.#room.localParticipant
        .performRpc({ destinationIdentity: agent.identity, method: Method.ping, payload: '' })
        .then(
          (answer) => settle(answer || Pong.serves),
          (error: unknown) => {
            const hasNoPing = error instanceof RpcError && error.code === UNSUPPORTED;
            settle(hasNoPing ? Pong.serves : '');
          },
        );
    });
  }

  #ownConnectionIsGood(): boolean {
    const quality = this.#room.localParticipant.connectionQuality;
    return navigator.onLine && quality !== ConnectionQuality.Lost;
  }

  /** Request an agent, with the pauses that the server names, until one joins. */
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
    if (patienceMs > 0) await this.#pause.wait(patienceMs);
    while (this.#needsAgent()) {
      const answer = await this.#request(dead);
      if (!this.#needsAgent()) break;
      if (answer.state === 'ended') this.agentHungUp(callEnded);
      if (answer.state === 'dispatched') dead = '';
      // The server has pinged it, and it answers: our own connection was slow.
      if (answer.state === 'present') this.#reconcile();
      if (!this.#needsAgent()) break;
      if (presence === 'waiting') this.#events.presence(await whyAbsent());
      await this.#pause.wait(answer.pauseMs);
    }
    this.#searching = false;
  }

  #needsAgent(): boolean {
    return !this.#scope.closed && !this.#agent && !this.#farewell;
  }

  async #request(dead: string): Promise<{ state: string; pauseMs: number }> {
    try {
      const answer = await requestDispatch(this.#ticket, dead || undefined);
      const pauseMs = Math.min(answer.retry_after_seconds * 1000, LONGEST_PAUSE_MS);
      return { state: answer.state, pauseMs };
    } catch (error) {
      if (error instanceof ApiFailure && error.code === 'not_in_room') this.#events.removed();
      const seconds = (error instanceof ApiFailure && error.retryAfterSeconds) || 5;
      return { state: 'waiting', pauseMs: seconds * 1000 };
    }
  }
}

async function whyAbsent(): Promise<Presence> {
  const status = await readStatus().catch(() => null);
  if (status?.busy) return 'busy';
  return status?.ready === false ? 'absent' : 'unknown';
}
