/** One call: joining, speaking, typing, leaving, and coming back after every kind of loss. */

import { ApiFailure, type Grant, type PageConfig } from '../lib/api';
import type { ResourceRegistry, Scope } from '../lib/resources';
import type { Meter } from '../media/sound';
import { keepScreenOn } from '../media/wake-lock';
import { LONGEST_TYPED_CHARACTERS, Method } from '../protocol';
import type { CallState } from '../state/call-state';
import { type Phrase, words } from '../state/language';
import type { Presence } from './agent-link';
import { CallAudio } from './audio';
import { Connection } from './connection';
import { Conversation } from './conversation';
import {
  absenceNotice,
  joinFailure,
  joiningAgain,
  microphoneUnheard,
  RECONNECTING,
  refusalText,
  soundBlocked,
  TAKEN_OVER,
} from './failures';
import { type JoinRequest, requestGrant } from './grant';
import { Rejoin } from './rejoin';

const TAKEN_OVER_MS = 6000;
/** Refusals that the caller can correct in the lobby. */
const CORRECTABLE = ['bad_room', 'bad_name', 'bad_agent', 'access_key'];

export class Call {
  readonly #state: CallState;
  readonly #registry: ResourceRegistry;
  readonly #config: () => Promise<PageConfig>;
  readonly #conversation: Conversation;
  readonly #audio: CallAudio;
  #request: JoinRequest = { name: '', room: '', agent: '', accessKey: '', token: '' };
  #scope: Scope | null = null;
  #rejoin: Rejoin | null = null;
  #connection: Connection | null = null;
  #connectionScope: Scope | null = null;

  constructor(state: CallState, registry: ResourceRegistry, config: () => Promise<PageConfig>) {
    this.#state = state;
    this.#registry = registry;
    this.#config = config;
    this.#audio = new CallAudio(state, registry, (track) => void this.#publish(track));
    this.#conversation = new Conversation(state, (text) =>
      this.#connection?.link.agentHungUp(text),
    );
  }

  /** The meter of the caller's voice, null while there is no sound. */
  get callerMeter(): Meter | null {
    return this.#state.muted.peek() ? null : this.#audio.meter;
  }

  /** The meter of the agent's voice, null while there is no sound. */
  get agentMeter(): Meter | null {
    return this.#connection?.playback.meter ?? null;
  }

  /** Open a microphone, to try it in the lobby or for the call. */
  async openMicrophone(deviceId = this.#state.microphoneId.peek()): Promise<void> {
    await this.#audio.openMicrophone(deviceId);
  }

  /** Give back the microphone that was tried in the lobby. */
  closeMicrophone(): void {
    if (this.#scope) return;
    this.#audio.close();
    this.#state.notices.dismiss('microphone');
  }

  /** Join; passing failures are retried until it works or `leave` is called. */
  async join(request: JoinRequest): Promise<void> {
    if (this.#scope) return;
    this.#request = request;
    this.#state.startJoining(request.room);
    const scope = this.#registry.scope('call');
    this.#scope = scope;
    this.#rejoin = new Rejoin(scope);
    keepScreenOn(scope);
    this.#audio.sound.resume();
    if (!this.#audio.track) void this.openMicrophone();
    await this.#connectUntilJoined(scope);
  }

  /** Join the room of the last call again. */
  rejoin(): void {
    void this.join({ ...this.#request, room: this.#state.room.peek() });
  }

  leave(): void {
    this.#end(() => words().youLeft);
  }

  /** Go back to the start, without a call. */
  toLobby(): void {
    this.#end('');
    this.#state.forget();
    this.#state.showLobby(null);
  }

  async setMuted(muted: boolean): Promise<void> {
    this.#state.muted.value = muted;
    await this.#connection?.setMuted(muted);
  }

  async setSpeaker(deviceId: string): Promise<void> {
    const { notices, speakerId } = this.#state;
    try {
      await this.#connection?.playback.chooseSpeaker(deviceId);
      speakerId.value = deviceId;
      notices.dismiss('speaker');
    } catch {
      notices.warn('speaker', () => words().speakerFailed);
    }
  }

  /** Send typed words to the agent; resolves with whether they were sent. */
  async send(text: string): Promise<boolean> {
    const typed = text.trim().slice(0, LONGEST_TYPED_CHARACTERS);
    if (!typed || !this.#connection) return false;
    const { notices, presence, people } = this.#state;
    if (presence.peek() !== 'present' && people.peek().length === 0) {
      notices.warn('text', () => words().nobodyReads);
      return false;
    }
    try {
      await this.#connection.send(typed);
    } catch {
      notices.warn('text', () => words().notSent);
      return false;
    }
    notices.dismiss('text');
    const id = `typed-${performance.now()}`;
    this.#conversation.typed({ id, side: 'caller', name: '', text: typed });
    return true;
  }

  async stopSpeaking(): Promise<void> {
    await this.#command(Method.stop, () => words().notStopped);
  }

  async repeat(): Promise<void> {
    await this.#command(Method.repeat, () => words().notRepeated);
  }

  readonly #retryNow = (): void => {
    this.#rejoin?.now();
    this.#connection?.link.searchNow();
  };

  async #connectUntilJoined(scope: Scope): Promise<void> {
    let url = '';
    const join = async () => {
      url = '';
      const grant = await requestGrant(
        { ...this.#request, room: this.#state.room.peek() },
        await this.#config(),
      );
      url = grant.url;
      if (!scope.closed) await this.#connect(grant);
    };
    await this.#rejoin?.until(join, (error) => this.#mayPass(error, url));
  }

  /** Whether another attempt to join may succeed; the call is over otherwise. */
  #mayPass(error: unknown, livekitUrl: string): boolean {
    this.#closeConnection();
    if (error instanceof ApiFailure && CORRECTABLE.includes(error.code)) {
      this.#end('');
      this.#state.showLobby({ code: error.code, text: refusalText(error) });
      return false;
    }
    const { notice, passes } = joinFailure(error, livekitUrl, this.#retryNow);
    if (!passes) {
      this.#end(notice.text);
      return false;
    }
    this.#state.notices.show(notice);
    this.#state.connection.value = 'retrying';
    return true;
  }

  async #connect(grant: Grant): Promise<void> {
    const state = this.#state;
    const scope = this.#registry.scope('connection');
    this.#connectionScope = scope;
    const connection = new Connection(
      scope,
      grant,
      this.#audio.sound,
      {
        reconnecting: () => {
          state.connection.value = 'reconnecting';
          state.notices.show(RECONNECTING);
        },
        reconnected: () => this.#connected(),
        ended: (reason) => this.#disconnected(reason),
        soundBlocked: (blocked) => this.#soundBlocked(blocked),
        people: (people) => (state.people.value = people),
        presence: (presence) => this.#presence(presence),
        state: (agentState) => (state.agentState.value = agentState),
        info: (json) => this.#conversation.info(json),
        hungUp: (text) => this.#end(text),
        removed: () => this.#disconnected(''),
      },
      this.#conversation,
    );
    this.#connection = connection;
    await connection.open();
    if (scope.closed) return;
    state.phase.value = 'call';
    state.room.value = connection.roomName;
    this.#connected();
    const speakerId = state.speakerId.peek();
    if (speakerId) void this.setSpeaker(speakerId);
    if (this.#audio.track) await this.#publish(this.#audio.track);
  }

  async #publish(track: MediaStreamTrack): Promise<void> {
    try {
      await this.#connection?.publish(track, this.#state.muted.peek());
    } catch {
      this.#state.notices.show(microphoneUnheard(this.#audio.retry));
    }
  }

  #connected(): void {
    this.#state.connection.value = 'connected';
    this.#state.notices.dismiss('connection', 'text');
  }

  /** `reason` is empty where the connection was lost. */
  #disconnected(reason: Phrase): void {
    this.#conversation.agentGone();
    const ended = this.#connection?.link.farewell || reason;
    if (ended) {
      this.#end(ended);
      return;
    }
    const scope = this.#scope;
    if (!scope) return;
    this.#closeConnection();
    this.#state.connection.value = 'retrying';
    this.#state.presence.value = 'waiting';
    this.#state.notices.show(joiningAgain(this.#retryNow));
    void this.#connectUntilJoined(scope);
  }

  #soundBlocked(blocked: boolean): void {
    const { notices } = this.#state;
    const enable = () => void this.#connection?.playback.enable().catch(() => undefined);
    if (blocked) notices.show(soundBlocked(enable));
    else notices.dismiss('sound');
  }

  #presence(presence: Presence): void {
    const state = this.#state;
    const before = state.presence.peek();
    state.presence.value = presence;
    if (presence === 'present' && before === 'lost') {
      state.notices.show(TAKEN_OVER);
      this.#connectionScope?.timeout('taken over', TAKEN_OVER_MS, () => {
        if (state.presence.peek() === 'present') state.notices.dismiss('agent');
      });
      return;
    }
    if (presence === 'present' || presence === 'waiting') {
      state.notices.dismiss('agent');
      return;
    }
    this.#conversation.agentGone();
    state.agentState.value = 'initializing';
    state.notices.show(absenceNotice(presence, this.#retryNow));
  }

  async #command(method: Method, problem: Phrase): Promise<void> {
    try {
      await this.#connection?.link.call(method);
      this.#state.notices.dismiss('command');
    } catch {
      this.#state.notices.warn('command', problem);
    }
  }

  #closeConnection(): void {
    this.#connectionScope?.close();
    this.#connectionScope = null;
    this.#connection = null;
  }

  #end(farewell: Phrase): void {
    this.#conversation.agentGone();
    this.#closeConnection();
    this.#scope?.close();
    this.#scope = null;
    this.#rejoin = null;
    this.#audio.close();
    this.#state.end(farewell);
  }
}
