/** Keeps what is said, and what the agent says about itself, in the call's state. */

import { decode } from '../lib/decode';
import {
  LONGEST_MESSAGE_BYTES,
  type Notice,
  NoticeKind,
  readAgentInfo,
  type Turn,
} from '../protocol';
import type { CallState } from '../state/call-state';
import { type Phrase, words } from '../state/language';
import { historyOf } from './history';
import type { StreamEvents } from './streams';
import {
  type SegmentUpdate,
  type TypedMessage,
  withAgentCut,
  withSegment,
  withTurn,
  withTyped,
} from './transcript';

const TURNS_KEPT = 40;

export class Conversation implements StreamEvents {
  readonly #state: CallState;
  readonly #onHangUp: (farewell: Phrase) => void;

  /** `onHangUp` is called when the agent announces that it hangs up. */
  constructor(state: CallState, onHangUp: (farewell: Phrase) => void) {
    this.#state = state;
    this.#onHangUp = onHangUp;
  }

  segment(update: SegmentUpdate): void {
    const { messages } = this.#state;
    messages.value = withSegment(messages.peek(), update);
  }

  typed(message: TypedMessage): void {
    const { messages } = this.#state;
    messages.value = withTyped(messages.peek(), message);
  }

  turn(turn: Turn): void {
    const { messages, turns } = this.#state;
    messages.value = withTurn(messages.peek(), turn);
    turns.value = [...turns.peek(), turn].slice(-TURNS_KEPT);
  }

  notice(notice: Notice): void {
    if (notice.kind === NoticeKind.callEnded) this.#onHangUp(notice.text);
    else this.#state.notices.warn(`agent-${notice.kind}`, notice.text);
  }

  /** Take in the agent's description of itself, an attribute of its participant. */
  info(json: string): void {
    const info = decode(json, readAgentInfo, LONGEST_MESSAGE_BYTES);
    if (!info) return;
    const notes: Phrase[] = info.notices.filter((text) => text !== '');
    const isDemo = info.asr?.demo || info.voice?.demo;
    this.#state.notes.value = notes.length === 0 && isDemo ? [() => words().demo] : notes;
  }

  /** What was said so far, as JSON, for an agent that takes over. */
  history(): string {
    return JSON.stringify(historyOf(this.#state.messages.peek()));
  }

  /** The agent is gone: what it was saying ends here. */
  agentGone(): void {
    const { messages } = this.#state;
    messages.value = withAgentCut(messages.peek());
  }
}
