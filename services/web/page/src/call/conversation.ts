/** Keeps what is said, and what the agent says about itself, in the call's state. */

import { decode } from '../lib/decode';
import {
  LONGEST_HISTORY_CHARACTERS,
  LONGEST_MESSAGE_BYTES,
  MOST_HISTORY_MESSAGES,
  NoticeKind,
  readAgentInfo,
  type History,
  type HistoryMessage,
  type Notice,
  type Turn,
} from '../protocol';
import type { CallState } from '../state/state';
import { withNotice } from '../state/state';
import type { Store } from '../state/store';
import type { StreamEvents } from './streams';
import {
  withAgentCut,
  withSegment,
  withTurn,
  withTyped,
  type SegmentUpdate,
  type Side,
} from './transcript';

const TURNS_KEPT = 40;
/** What each message of a history costs besides its words. */
const HISTORY_OVERHEAD_CHARACTERS = 40;
const DEMO =
  'This agent runs on demo models: it understands a few simple requests and sounds plain. ' +
  'Its owner gets real ones with: python -m agent download-files';

export class Conversation implements StreamEvents {
  readonly #store: Store<CallState>;
  /** Called when the agent says that it hangs up. */
  onFarewell: (text: string) => void = () => undefined;

  constructor(store: Store<CallState>) {
    this.#store = store;
  }

  segment(update: SegmentUpdate): void {
    this.#store.set({ messages: withSegment(this.#store.state.messages, update) });
  }

  typed(message: { id: string; side: Side; name: string; text: string }): void {
    this.#store.set({ messages: withTyped(this.#store.state.messages, message) });
  }

  turn(turn: Turn): void {
    const { messages, turns } = this.#store.state;
    this.#store.set({
      messages: withTurn(messages, turn),
      turns: [...turns, turn].slice(-TURNS_KEPT),
    });
  }

  notice(notice: Notice): void {
    if (notice.kind === NoticeKind.callEnded) {
      this.onFarewell(notice.text);
      return;
    }
    const shown = {
      key: `agent-${notice.kind}`,
      tone: 'warning',
      text: notice.text,
      dismissible: true,
    } as const;
    this.#store.set({ notices: withNotice(this.#store.state.notices, shown) });
  }

  /** What the agent is made of: an attribute of its participant. */
  info(json: string): void {
    const agentInfo = decode(json, readAgentInfo, LONGEST_MESSAGE_BYTES);
    if (!agentInfo) return;
    const notes = agentInfo.notices.filter((text) => text !== '');
    const isDemo = agentInfo.asr?.demo || agentInfo.voice?.demo;
    this.#store.set({ agentInfo, notes: notes.length === 0 && isDemo ? [DEMO] : notes });
  }

  /** What was said so far, as JSON, for an agent that takes over from one that is gone. */
  history(): string {
    const messages: HistoryMessage[] = [];
    let characters = 0;
    for (const message of this.#store.state.messages.toReversed()) {
      if (!message.final) continue;
      characters += message.text.length + HISTORY_OVERHEAD_CHARACTERS;
      if (characters > LONGEST_HISTORY_CHARACTERS) break;
      if (messages.length === MOST_HISTORY_MESSAGES) break;
      const role = message.side === 'agent' ? 'assistant' : 'user';
      messages.unshift({ role, text: message.text });
    }
    const history: History = { messages };
    return JSON.stringify(history);
  }

  /** The agent is gone: what it was saying ends here. */
  agentGone(): void {
    this.#store.set({ messages: withAgentCut(this.#store.state.messages) });
  }
}
