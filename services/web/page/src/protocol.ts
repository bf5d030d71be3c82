/** The wire between the agent and this page: names, messages, bounds. */

// Made from services/protocol.py: python -m scripts.protocol

import { list, number, oneOf, record, text, truth } from './lib/decode';

/** Of one encoded message: what LiveKit carries as the payload of a remote call. */
export const LONGEST_MESSAGE_BYTES = 15360;

/** Of one typed message that the page sends; the agent reads twice as many. */
export const LONGEST_TYPED_CHARACTERS = 2000;

/** Of one sentence for callers. */
export const LONGEST_SENTENCE_CHARACTERS = 500;

/** Of a model's name and of an identifier. */
export const LONGEST_NAME_CHARACTERS = 200;

/** That an agent has for its callers. */
export const MOST_SENTENCES = 20;

/** In one history. */
export const MOST_HISTORY_MESSAGES = 100;

/** Of all messages of a history together; a character is up to three bytes. */
export const LONGEST_HISTORY_CHARACTERS = 4500;

/** Metadata of the job of an agent that is sent into a room whose agent is gone. */
export const TAKES_OVER = 'takes over';

/** The answer to a command that was carried out. */
export const DONE = 'ok';

/** Error code of a remote call from somebody who may not make it. */
export const NOT_ALLOWED = 403;

/** Topics of text streams. */
export const Topic = {
  /**
   * What is said, as it is said. The agent sends its own words under its own identity, and what it
   * hears under the identity of who spoke.
   */
  transcription: 'lk.transcription',
  /** Typed words, to the agent and to everybody in the room. */
  chat: 'lk.chat',
  /** A `Turn`, after each reply to speech. From agents only. */
  turn: 'agent.turn',
  /** A `Notice`. From agents only. */
  notice: 'agent.notice',
} as const;
export type Topic = (typeof Topic)[keyof typeof Topic];

/** Attributes of the streams of `lk.transcription`; LiveKit's own clients know those of `lk`. */
export const StreamAttribute = {
  /** Streams of one segment and one sender replace each other. */
  segment: 'lk.segment_id',
  /** `true` or `false`: whether the segment is complete. */
  final: 'lk.transcription_final',
  /** The track in which the words were heard; absent from the agent's own words. */
  track: 'lk.transcribed_track_id',
  /** Code of the language in which the words were recognised; absent from the agent's own. */
  language: 'agent.language',
  /**
   * `true` where a caller said them while listening to the agent, which neither stopped nor
   * answered: "mm-hmm". Without words, what was shown of the segment is withdrawn. Else absent.
   */
  backchannel: 'agent.backchannel',
} as const;
export type StreamAttribute = (typeof StreamAttribute)[keyof typeof StreamAttribute];

/** Attributes of the agent's participant. */
export const ParticipantAttribute = {
  /** One of the agent's states, as LiveKit's own clients know it. */
  state: 'lk.agent.state',
  /** An `AgentInfo`. */
  info: 'agent.info',
  /** Code of the language that the agent speaks, such as `en`; it may follow the callers. */
  language: 'agent.language',
} as const;
export type ParticipantAttribute = (typeof ParticipantAttribute)[keyof typeof ParticipantAttribute];

/** What an agent is doing. */
export const AgentState = {
  initializing: 'initializing',
  listening: 'listening',
  thinking: 'thinking',
  speaking: 'speaking',
} as const;
export type AgentState = (typeof AgentState)[keyof typeof AgentState];

/** Remote calls. */
export const Method = {
  /** To the agent, from anybody: whether it serves its room, as a `Pong`. */
  ping: 'agent.ping',
  /** To the agent, from a speaker: stop speaking. */
  stop: 'agent.stop',
  /** To the agent, from a speaker: say the last reply again. */
  repeat: 'agent.repeat',
  /** To a caller, from an agent that takes over: what was said so far, as a `History`. */
  history: 'conversation.history',
} as const;
export type Method = (typeof Method)[keyof typeof Method];

/** Answers to `agent.ping`. */
export const Pong = {
  /** The agent is there for the callers. */
  serves: 'pong',
  /** The agent is on its way out of the room and does nothing more; another may be asked for. */
  leaves: 'leaving',
  /** The agent has ended the call and is on its way out; no other is to be asked for. */
  ended: 'ended',
} as const;
export type Pong = (typeof Pong)[keyof typeof Pong];

/** What a notice is about. */
export const NoticeKind = {
  /** Something was said and not understood; the caller is asked to say it again. */
  hearingFailed: 'hearing_failed',
  /** The language model failed, and an apology is spoken in place of an answer. */
  llmUnavailable: 'llm_unavailable',
  /** The voice failed; replies come as text meanwhile. */
  voiceUnavailable: 'voice_unavailable',
  /** Some of the agent's tools cannot be used; it goes on without them and tries them again. */
  toolsUnavailable: 'tools_unavailable',
  /**
   * The call is over for everybody: a moment later the agent ends the room. No other agent is to be
   * asked for.
   */
  callEnded: 'call_ended',
} as const;
export type NoticeKind = (typeof NoticeKind)[keyof typeof NoticeKind];

/** Why a pause was waited for as long as it was, before the turn was over. */
export const WaitReason = {
  /** The caller seemed to be done: a short wait. */
  complete: 'complete',
  /** More might have followed. */
  unsure: 'unsure',
  /** Digits, letters or an address, of which the rest was to come. */
  dictating: 'dictating',
  /** The caller said so: "let me think". */
  thinking: 'thinking',
  /** No words were known yet. */
  nothingHeard: 'nothing heard',
} as const;
export type WaitReason = (typeof WaitReason)[keyof typeof WaitReason];

/** A sentence of the agent about a problem, or about the end of the call. */
export interface Notice {
  /** What it is about. */
  readonly kind: NoticeKind;
  /** For the caller to read. */
  readonly text: string;
}

export const readNotice = record<Notice>({
  kind: oneOf(Object.values(NoticeKind)),
  text: text(500),
});

/** Where the time of one reply to speech went; null where nothing was measured. */
export interface Turn {
  /** Of the reply among the messages of the agent's conversation. */
  readonly id: string;
  /** From the last voice to the decision that the turn is over. */
  readonly end_of_speech_seconds: number | null;
  /** Why that took as long as it did; null where silence alone decides. */
  readonly wait_reason: WaitReason | null;
  /** From the last voice to the transcript. */
  readonly transcript_seconds: number | null;
  /** From the request to the language model to the reply's first words. */
  readonly first_token_seconds: number | null;
  /** From the reply's first words to its first sound. */
  readonly first_sound_seconds: number | null;
  /** From the caller's last voice to the agent's first sound leaving. */
  readonly response_seconds: number | null;
  /** The reply had been begun before the turn was over. */
  readonly prepared: boolean;
  /** The reply was not spoken to its end. */
  readonly interrupted: boolean;
}

export const readTurn = record<Turn>({
  id: text(200),
  end_of_speech_seconds: number.orNull,
  wait_reason: oneOf(Object.values(WaitReason)).orNull,
  transcript_seconds: number.orNull,
  first_token_seconds: number.orNull,
  first_sound_seconds: number.orNull,
  response_seconds: number.orNull,
  prepared: truth,
  interrupted: truth,
});

/** One speech model in use. */
export interface ModelInfo {
  /** As it is called in the settings. */
  readonly name: string;
  /** It is one of the small models that come with the product. */
  readonly demo: boolean;
}

export const readModelInfo = record<ModelInfo>({
  name: text(200),
  demo: truth,
});

/** What an agent is made of. */
export interface AgentInfo {
  /** The recogniser; null while none is loaded. */
  readonly asr: ModelInfo | null;
  /** The voice; null while none is loaded. */
  readonly voice: ModelInfo | null;
  /** The language model; `builtin` where none is configured. */
  readonly llm: string;
  /** What callers should know about this agent. */
  readonly notices: readonly string[];
}

export const readAgentInfo = record<AgentInfo>({
  asr: readModelInfo.orNull,
  voice: readModelInfo.orNull,
  llm: text(200),
  notices: list(text(500), 20),
});

/** One thing that was said or typed. */
export interface HistoryMessage {
  /** Who said it: people, or the agent. */
  readonly role: 'user' | 'assistant';
  /** Its words. */
  readonly text: string;
}

export const readHistoryMessage = record<HistoryMessage>({
  role: oneOf(['user', 'assistant']),
  text: text(4500),
});

/** The latest of a conversation, oldest first; its texts are bounded together as well. */
export interface History {
  /** What was said. */
  readonly messages: readonly HistoryMessage[];
}

export const readHistory = record<History>({
  messages: list(readHistoryMessage, 100),
});
