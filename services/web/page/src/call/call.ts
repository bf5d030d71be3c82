/** One call: joining, speaking, typing, leaving, and coming back after every kind of loss. */

import type { Presence } from './agent-link';
import { ApiFailure, requestToken, type Grant, type PageConfig } from '../lib/api';
import { Connection } from './connection';
import { Conversation } from './conversation';
import {
  INSECURE_ORIGIN,
  JOINING_AGAIN,
  MICROPHONE_UNHEARD,
  MICROPHONE_UNPLUGGED,
  RECONNECTING,
  SILENT_MICROPHONE,
  SOUND_BLOCKED,
  TAKEN_OVER,
  absenceNotice,
  joinFailure,
  microphoneNotice,
  type Notice,
  type Remedy,
} from './failures';
import { roomOf } from './invitation';
import { Microphone } from '../media/microphone';
import { LONGEST_TYPED_CHARACTERS, Method, type AgentState } from '../protocol';
import type { ResourceRegistry, Scope } from '../lib/resources';
import { Sound, type Meter } from '../media/sound';
import { withNotice, withoutNotice, type CallState, type JoinWish } from '../state/state';
import type { Store } from '../state/store';
import { keepScreenOn } from '../media/wake-lock';

const RETRY_MS = [500, 1000, 2000, 4000, 8000, 10_000];
const TAKEN_OVER_MS = 6000;
/** Refusals that the caller can mend in the lobby. */
const CORRECTABLE = ['bad_room', 'bad_name', 'access_key'];

export class Call {
  readonly #store: Store<CallState>;
  readonly #registry: ResourceRegistry;
  readonly #config: () => Promise<PageConfig>;
  readonly #conversation: Conversation;
  #wish: JoinWish = { name: '', room: '', accessKey: '', token: '' };
  #scope: Scope | null = null;
  #connection: Connection | null = null;
  #connectionScope: Scope | null = null;
  #audioScope: Scope | null = null;
  #sound: Sound | null = null;
  #microphone: Microphone | null = null;
  #retryNow: (() => void) | null = null;

  constructor(store: Store<CallState>, registry: ResourceRegistry, config: () => Promise<PageConfig>) {
    this.#store = store;
    this.#registry = registry;
    this.#config = config;
    this.#conversation = new Conversation(store);
    this.#conversation.onFarewell = (text) => this.#connection?.link.sayFarewell(text);
  }

  /** Meters for the visualiser: the caller's and the agent's, null where there is no sound. */
  get callerMeter(): Meter | null {
    return this.#store.state.muted ? null : (this.#microphone?.meter ?? null);
  }

  get agentMeter(): Meter | null {
    return this.#connection?.playback.meter ?? null;
  }

  /** Open a microphone, in the lobby to try it or in the call; a failure becomes a notice. */
  async openMicrophone(deviceId = this.#store.state.microphoneId): Promise<void> {
    if (!Microphone.possible) {
      this.#notify(INSECURE_ORIGIN);
      return;
    }
    const microphone = this.#prepareMicrophone();
    let track: MediaStreamTrack;
    try {
      track = await microphone.openPreferred(deviceId);
    } catch (error) {
      if (microphone !== this.#microphone) return;
      this.#store.set({ hasMicrophone: microphone.track !== null });
      this.#notify(microphoneNotice(error));
      return;
    }
    this.#dismiss('microphone', 'silence');
    this.#store.set({ hasMicrophone: true, microphoneId: microphone.deviceId });
    await this.#publish(track);
  }

  /** Give the microphone back that was tried in the lobby. */
  closeMicrophone(): void {
    if (this.#scope) return;
    this.#releaseAudio();
    this.#dismiss('microphone');
  }

  /** Join; what fails for now is tried again until it works or `leave` is called. */
  async join(wish: JoinWish): Promise<void> {
    if (this.#scope) return;
    this.#wish = wish;
    const { state } = this.#store;
    const goesOn = wish.room !== '' && wish.room === state.room;
    this.#store.set({
      ...(goesOn ? {} : { messages: [], turns: [], agentInfo: null, notes: [] }),
      phase: 'joining',
      connection: 'connecting',
      presence: 'waiting',
      agentState: 'initializing',
      room: wish.room,
      name: wish.name,
      muted: false,
      notices: [],
      refusal: null,
    });
    const scope = this.#registry.scope('call');
    this.#scope = scope;
    scope.listen(window, 'online', () => this.#retryNow?.());
    scope.listen(document, 'visibilitychange', () => {
      if (!document.hidden) this.#retryNow?.();
    });
    keepScreenOn(scope);
    this.#openSound().resume();
    if (!this.#microphone?.track) void this.openMicrophone();
    await this.#connectUntilJoined(scope);
  }

  leave(): void {
    this.#end('You left the call.');
  }

  /** Back to the start, without a call. */
  toLobby(): void {
    this.#end('');
    this.#store.set({ phase: 'lobby', room: '', messages: [], turns: [], refusal: null });
  }

  async setMuted(muted: boolean): Promise<void> {
    this.#store.set({ muted });
    await this.#connection?.setMuted(muted);
  }

  async setSpeaker(deviceId: string): Promise<void> {
    try {
      await this.#connection?.playback.choose(deviceId);
      this.#store.set({ speakerId: deviceId });
      this.#dismiss('speaker');
    } catch {
      this.#warn('speaker', 'This speaker cannot be used, the one before stays. Choose another.');
    }
  }

  /** Send typed words to the agent. */
  async send(text: string): Promise<boolean> {
    const words = text.trim().slice(0, LONGEST_TYPED_CHARACTERS);
    if (!words || !this.#connection) return false;
    const { presence, people } = this.#store.state;
    if (presence !== 'present' && people.length === 0) {
      this.#warn('text', 'Nobody is here to read this yet. Send it again once the agent is there.');
      return false;
    }
    try {
      await this.#connection.send(words);
    } catch {
      this.#warn('text', 'Your message was not sent. Send it again once the connection is back.');
      return false;
    }
    this.#dismiss('text');
    const id = `typed-${performance.now()}`;
    this.#conversation.typed({ id, side: 'caller', name: 'You', text: words });
    return true;
  }

  async stopSpeaking(): Promise<void> {
    await this.#tell(Method.stop, 'The agent could not be stopped. Speak over it, or try again.');
  }

  async repeat(): Promise<void> {
    await this.#tell(Method.repeat, 'The agent cannot say it again. Ask it to, or try again.');
  }

  remedy(remedy: Remedy): void {
    if (remedy === 'retry-microphone') void this.openMicrophone('');
    if (remedy === 'enable-sound') {
      void this.#connection?.playback.enable().catch(() => undefined);
    }
    if (remedy === 'rejoin') void this.join({ ...this.#wish, room: this.#store.state.room });
    if (remedy === 'retry-now') {
      this.#retryNow?.();
      this.#connection?.link.searchNow();
    }
  }

  dismiss(key: string): void {
    this.#dismiss(key);
  }

  async #connectUntilJoined(scope: Scope): Promise<void> {
    for (let attempt = 0; !scope.closed; attempt += 1) {
      let url = '';
      try {
        const config = await this.#config();
        const grant = await this.#grant(config);
        if (scope.closed) return;
        url = grant.url;
        await this.#connect(grant, config.redispatch);
        return;
      } catch (error) {
        this.#closeConnection();
        if (scope.closed) return;
        if (error instanceof ApiFailure && CORRECTABLE.includes(error.code)) {
          this.#end('');
          const refusal = { code: error.code, text: error.message };
          this.#store.set({ phase: 'lobby', refusal });
          return;
        }
        const { notice, retry } = joinFailure(error, url);
        if (!retry) {
          this.#end(notice.text);
          return;
        }
        this.#notify(notice);
        this.#store.set({ connection: 'retrying' });
        const patience = error instanceof ApiFailure ? (error.retryAfterSeconds ?? 0) * 1000 : 0;
        const pause = RETRY_MS[Math.min(attempt, RETRY_MS.length - 1)] ?? 0;
        await this.#retryPause(scope, Math.max(pause, patience));
      }
    }
  }

  async #grant(config: PageConfig): Promise<Grant> {
    const { token, room, name, accessKey } = this.#wish;
    if (token && !config.tokens) {
      return { url: config.livekit_url, token, ticket: token, room: roomOf(token), identity: '' };
    }
    const known = this.#store.state.room || room;
    return requestToken(
      { ...(known ? { room: known } : {}), ...(name ? { name } : {}) },
      accessKey,
    );
  }

  async #connect(grant: Grant, mayDispatch: boolean): Promise<void> {
    const scope = this.#registry.scope('connection');
    this.#connectionScope = scope;
    const connection = new Connection(
      scope,
      grant,
      this.#openSound(),
      mayDispatch,
      {
        reconnecting: () => {
          this.#store.set({ connection: 'reconnecting' });
          this.#notify(RECONNECTING);
        },
        reconnected: () => this.#connected(),
        ended: (wanted) => this.#disconnected(wanted),
        soundBlocked: (blocked) =>
          blocked ? this.#notify(SOUND_BLOCKED) : this.#dismiss('sound'),
        people: (people) => this.#store.set({ people }),
        presence: (presence) => this.#presence(presence),
        state: (agentState: AgentState) => this.#store.set({ agentState }),
        info: (json) => this.#conversation.info(json),
        farewell: (text) => this.#end(text),
        outcast: () => this.#disconnected(''),
      },
      this.#conversation,
    );
    this.#connection = connection;
    await connection.open();
    if (scope.closed) return;
    this.#store.set({ phase: 'call', room: connection.roomName });
    this.#connected();
    const { speakerId } = this.#store.state;
    if (speakerId) void this.setSpeaker(speakerId);
    const track = this.#microphone?.track;
    if (track) await this.#publish(track);
  }

  async #publish(track: MediaStreamTrack): Promise<void> {
    try {
      await this.#connection?.publish(track, this.#store.state.muted);
    } catch {
      this.#notify(MICROPHONE_UNHEARD);
    }
  }

  #connected(): void {
    this.#store.set({ connection: 'connected' });
    this.#dismiss('connection', 'text');
  }

  #disconnected(wanted: string): void {
    this.#conversation.agentGone();
    const ended = this.#connection?.link.farewell || wanted;
    if (ended) {
      this.#end(ended);
      return;
    }
    const scope = this.#scope;
    if (!scope || scope.closed) return;
    this.#closeConnection();
    this.#store.set({ connection: 'retrying', presence: 'waiting' });
    this.#notify(JOINING_AGAIN);
    void this.#connectUntilJoined(scope);
  }

  #presence(presence: Presence): void {
    const before = this.#store.state.presence;
    this.#store.set({ presence });
    if (presence === 'present' && before === 'lost') {
      this.#takenOver();
      return;
    }
    if (presence === 'present' || presence === 'waiting') {
      this.#dismiss('agent');
      return;
    }
    this.#conversation.agentGone();
    this.#store.set({ agentState: 'initializing' });
    this.#notify(absenceNotice(presence));
  }

  #takenOver(): void {
    this.#notify(TAKEN_OVER);
    this.#connectionScope?.timeout('taken over', TAKEN_OVER_MS, () => {
      if (this.#store.state.presence === 'present') this.#dismiss('agent');
    });
  }

  async #tell(method: Method, sorry: string): Promise<void> {
    try {
      await this.#connection?.link.call(method);
      this.#dismiss('command');
    } catch {
      this.#warn('command', sorry);
    }
  }

  #retryPause(scope: Scope, delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const finish = () => {
        release();
        this.#retryNow = null;
        resolve();
      };
      const release = scope.own('timer', 'join again', () => {
        window.clearTimeout(timer);
        resolve();
      });
      const timer = window.setTimeout(finish, delayMs);
      this.#retryNow = finish;
    });
  }

  #openSound(): Sound {
    this.#audioScope ??= this.#registry.scope('sound');
    this.#sound ??= new Sound(this.#audioScope);
    return this.#sound;
  }

  #prepareMicrophone(): Microphone {
    if (!this.#microphone) {
      this.#microphone = new Microphone(this.#registry, this.#openSound());
      this.#microphone.onLost = () => {
        this.#store.set({ hasMicrophone: false, microphoneId: '' });
        this.#notify(MICROPHONE_UNPLUGGED);
      };
      this.#microphone.onSilence = (silent) =>
        silent && this.#scope ? this.#notify(SILENT_MICROPHONE) : this.#dismiss('silence');
    }
    return this.#microphone;
  }

  #releaseAudio(): void {
    this.#microphone?.close();
    this.#microphone = null;
    this.#sound = null;
    this.#audioScope?.close();
    this.#audioScope = null;
    this.#store.set({ hasMicrophone: false });
  }

  #closeConnection(): void {
    this.#connectionScope?.close();
    this.#connectionScope = null;
    this.#connection = null;
  }

  #end(farewell: string): void {
    this.#conversation.agentGone();
    this.#closeConnection();
    this.#scope?.close();
    this.#scope = null;
    this.#retryNow = null;
    this.#releaseAudio();
    this.#store.set({ phase: 'ended', connection: 'idle', notices: [], people: [], farewell });
  }

  #warn(key: string, text: string): void {
    this.#notify({ key, tone: 'warning', text, dismissible: true });
  }

  #notify(notice: Notice): void {
    this.#store.set({ notices: withNotice(this.#store.state.notices, notice) });
  }

  #dismiss(...keys: string[]): void {
    const { notices } = this.#store.state;
    this.#store.set({ notices: keys.reduce(withoutNotice, notices) });
  }
}
