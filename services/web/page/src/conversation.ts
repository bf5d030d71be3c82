/** Keeps what is said, and what the agent says about itself, in the call's state. */

import type { AgentInfo, CallState } from './state';
import { withNotice } from './state';
import type { Store } from './store';
import type { AgentNotice, StreamEvents } from './streams';
import {
  parseObject,
  withAgentCut,
  withSegment,
  withTurn,
  withTyped,
  type SegmentUpdate,
  type Side,
  type Turn,
} from './transcript';

const TURNS_KEPT = 40;
/** The notice with which an agent that hangs up says so. */
const FAREWELL = 'call_ended';
/** An answer holds 15 KiB at most, and a character up to three bytes. */
const HISTORY_CHARACTERS = 4500;
const HISTORY_OVERHEAD_CHARACTERS = 40;
const LONGEST_NOTE = 500;
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

  notice(notice: AgentNotice): void {
    if (notice.kind === FAREWELL) {
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

  /** What the agent is made of: its `agent.info` attribute. */
  info(json: string): void {
    const raw = parseObject(json);
    if (!raw) return;
    const agentInfo: AgentInfo = {
      asr: model(raw['asr']),
      voice: model(raw['voice']),
      llm: typeof raw['llm'] === 'string' ? raw['llm'] : '',
    };
    const listed = Array.isArray(raw['notices']) ? raw['notices'] : [];
    const notes = listed
      .filter((text): text is string => typeof text === 'string' && text !== '')
      .map((text) => text.slice(0, LONGEST_NOTE));
    const isDemo = agentInfo.asr?.demo || agentInfo.voice?.demo;
    this.#store.set({ agentInfo, notes: notes.length === 0 && isDemo ? [DEMO] : notes });
  }

  /**
   * What was said so far as JSON, `{"messages": [{"role": "user" | "assistant", "text": "…"}]}`,
   * oldest first: for an agent that takes over from one that is gone.
   */
  history(): string {
    const messages: { role: 'user' | 'assistant'; text: string }[] = [];
    let characters = 0;
    for (const message of this.#store.state.messages.toReversed()) {
      if (!message.final) continue;
      characters += message.text.length + HISTORY_OVERHEAD_CHARACTERS;
      if (characters > HISTORY_CHARACTERS) break;
      const role = message.side === 'agent' ? 'assistant' : 'user';
      messages.unshift({ role, text: message.text });
    }
    return JSON.stringify({ messages });
  }

  /** The agent is gone: what it was saying ends here. */
  agentGone(): void {
    this.#store.set({ messages: withAgentCut(this.#store.state.messages) });
  }
}

function model(value: unknown): { name: string; demo: boolean } | null {
  if (typeof value !== 'object' || value === null || !('name' in value)) return null;
  return { name: String(value.name), demo: 'demo' in value && value.demo === true };
}
