/** Everything the page shows about a call. */

import type { Presence } from '../call/agent-link';
import type { Notice } from '../call/failures';
import type { Person } from '../call/participants';
import type { AgentInfo, AgentState, Turn } from '../protocol';
import type { Message } from '../call/transcript';

export type Phase = 'lobby' | 'joining' | 'call' | 'ended';
export type ConnectionState = 'idle' | 'connecting' | 'connected' | 'reconnecting' | 'retrying';

export interface CallState {
  readonly phase: Phase;
  readonly connection: ConnectionState;
  readonly room: string;
  readonly name: string;
  readonly presence: Presence;
  readonly agentState: AgentState;
  readonly agentInfo: AgentInfo | null;
  /** Who else is in the call, agents left out. */
  readonly people: readonly Person[];
  readonly muted: boolean;
  readonly hasMicrophone: boolean;
  readonly microphoneId: string;
  readonly speakerId: string;
  readonly messages: readonly Message[];
  readonly turns: readonly Turn[];
  readonly notices: readonly Notice[];
  /** What callers should know about this agent, a sentence each. */
  readonly notes: readonly string[];
  /** Why the lobby is shown again: the field to be corrected. */
  readonly refusal: { code: string; text: string } | null;
  /** Why the call is over. */
  readonly farewell: string;
}

export const INITIAL_CALL: CallState = {
  phase: 'lobby',
  connection: 'idle',
  room: '',
  name: '',
  presence: 'waiting',
  agentState: 'initializing',
  agentInfo: null,
  people: [],
  muted: false,
  hasMicrophone: false,
  microphoneId: '',
  speakerId: '',
  messages: [],
  turns: [],
  notices: [],
  notes: [],
  refusal: null,
  farewell: '',
};

export interface JoinWish {
  readonly name: string;
  readonly room: string;
  readonly accessKey: string;
  /** A token from the owner's identity service, instead of one from this server. */
  readonly token: string;
}

export function withNotice(notices: readonly Notice[], notice: Notice): readonly Notice[] {
  const index = notices.findIndex((old) => old.key === notice.key);
  return index < 0 ? [...notices, notice] : notices.with(index, notice);
}

export function withoutNotice(notices: readonly Notice[], key: string): readonly Notice[] {
  return notices.some((notice) => notice.key === key)
    ? notices.filter((notice) => notice.key !== key)
    : notices;
}
