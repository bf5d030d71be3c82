/** Everything the page shows about a call. */

import { signal } from '@preact/signals';

import type { Presence } from '../call/agent-link';
import { Notices } from '../call/notices';
import type { Person } from '../call/participants';
import type { Message } from '../call/transcript';
import type { AgentState, Turn } from '../protocol';
import type { Phrase } from './language';

export type Phase = 'lobby' | 'joining' | 'call' | 'ended';
export type ConnectionState = 'idle' | 'connecting' | 'connected' | 'reconnecting' | 'retrying';

export class CallState {
  readonly phase = signal<Phase>('lobby');
  readonly connection = signal<ConnectionState>('idle');
  readonly room = signal('');
  readonly presence = signal<Presence>('waiting');
  readonly agentState = signal<AgentState>('initializing');
  /** The other people in the call, without agents. */
  readonly people = signal<readonly Person[]>([]);
  readonly muted = signal(false);
  readonly hasMicrophone = signal(false);
  readonly microphoneId = signal('');
  readonly speakerId = signal('');
  readonly messages = signal<readonly Message[]>([]);
  readonly turns = signal<readonly Turn[]>([]);
  readonly notices = new Notices();
  /** What callers should know about this agent, one sentence each. */
  readonly notes = signal<readonly Phrase[]>([]);
  readonly showsDevices = signal(false);
  /** Why the lobby is shown again: the field to correct. */
  readonly refusal = signal<{ code: string; text: Phrase } | null>(null);
  /** Why the call is over. */
  readonly farewell = signal<Phrase>('');

  constructor(devices: { microphoneId: string; speakerId: string }) {
    this.microphoneId.value = devices.microphoneId;
    this.speakerId.value = devices.speakerId;
  }

  /**
   * Whether there is a reply to stop. One that is still being thought of counts: its first word may
   * be heard while the news that the agent speaks is on its way.
   */
  get isReplying(): boolean {
    return this.agentState.value === 'thinking' || this.agentState.value === 'speaking';
  }

  /** Joining a room; the conversation stays when it is the room of the call before. */
  startJoining(room: string): void {
    if (room === '' || room !== this.room.peek()) this.forget();
    this.phase.value = 'joining';
    this.connection.value = 'connecting';
    this.presence.value = 'waiting';
    this.agentState.value = 'initializing';
    this.room.value = room;
    this.muted.value = false;
    this.refusal.value = null;
    this.notices.clear();
  }

  end(farewell: Phrase): void {
    this.phase.value = 'ended';
    this.connection.value = 'idle';
    this.people.value = [];
    this.farewell.value = farewell;
    this.notices.clear();
  }

  showLobby(refusal: { code: string; text: Phrase } | null): void {
    this.phase.value = 'lobby';
    this.showsDevices.value = false;
    this.refusal.value = refusal;
  }

  /** Forget the conversation and its room. */
  forget(): void {
    this.room.value = '';
    this.messages.value = [];
    this.turns.value = [];
    this.notes.value = [];
  }
}
