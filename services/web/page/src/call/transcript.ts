/** The transcript: segments that grow, are corrected and become final. */

import type { Turn } from '../protocol';
import { words } from '../state/language';

export type Side = 'caller' | 'agent' | 'guest';

export interface Message {
  readonly id: string;
  readonly side: Side;
  /** The name that a guest chose; may be empty. */
  readonly name: string;
  readonly text: string;
  /** Code of the language of the text, empty where it is not known. */
  readonly language?: string;
  /** When it began, in milliseconds since the epoch. */
  readonly at: number;
  /** False while it still grows or may be corrected. */
  readonly final: boolean;
  readonly typed: boolean;
  /** Whether the reply was interrupted here. */
  readonly cut: boolean;
  /** Said while listening to the agent, which did not answer: "mm-hmm". */
  readonly aside: boolean;
  readonly turn: Turn | null;
}

export interface SegmentUpdate {
  id: string;
  side: Side;
  name: string;
  text: string;
  language?: string;
  final: boolean;
  cut?: boolean;
  aside?: boolean;
}

export interface TypedMessage {
  id: string;
  side: Side;
  name: string;
  text: string;
}

/** Insert or update a segment; a final segment without words is removed. */
export function withSegment(
  messages: readonly Message[],
  update: SegmentUpdate,
): readonly Message[] {
  const index = messages.findLastIndex((message) => message.id === update.id);
  const text = update.text.trim();
  if (index < 0) {
    if (!text) return messages;
    const message: Message = {
      id: update.id,
      side: update.side,
      name: update.name,
      text,
      language: update.language ?? '',
      at: Date.now(),
      final: update.final,
      typed: false,
      cut: update.cut ?? false,
      aside: update.aside ?? false,
      turn: null,
    };
    return [...messages, message];
  }
  const old = messages[index] as Message;
  if (!text) return update.final ? messages.filter((message) => message !== old) : messages;
  if (old.final && !update.final) return messages;
  const language = update.language || (old.language ?? '');
  const changed = {
    ...old,
    text,
    language,
    final: update.final,
    cut: update.cut ?? old.cut,
    aside: update.aside ?? old.aside,
  };
  return messages.with(index, changed);
}

export function withTyped(messages: readonly Message[], typed: TypedMessage): readonly Message[] {
  const message: Message = {
    ...typed,
    at: Date.now(),
    final: true,
    typed: true,
    cut: false,
    aside: false,
    turn: null,
  };
  return [...messages, message];
}

/** Attach a turn's timings to the agent's latest reply, unless that has some. */
export function withTurn(messages: readonly Message[], turn: Turn): readonly Message[] {
  const index = messages.findLastIndex((message) => message.side === 'agent');
  const reply = messages[index];
  if (!reply || reply.turn) return messages;
  return messages.with(index, { ...reply, turn, cut: reply.cut || turn.interrupted });
}

/** Mark what the agent was saying as interrupted. */
export function withAgentCut(messages: readonly Message[]): readonly Message[] {
  return messages.map((message) =>
    message.side === 'agent' && !message.final ? { ...message, final: true, cut: true } : message,
  );
}

/** Who said something, as the page calls them; guests are marked, since they choose their names. */
export function speakerName({ side, name }: { side: Side; name: string }): string {
  const { agent, you, guest, namedGuest } = words();
  if (side === 'agent') return agent;
  if (side === 'caller') return you;
  return name ? namedGuest(name) : guest;
}

/** The conversation as plain text, to copy or save. */
export function asText(messages: readonly Message[], title: string): string {
  const lines = messages
    .filter((message) => message.text)
    .map((message) => {
      const time = new Date(message.at).toLocaleTimeString([], { hour12: false });
      const cut = message.cut ? ` — (${words().interrupted})` : '';
      const said = message.aside ? `(${message.text})` : message.text;
      return `[${time}] ${speakerName(message)}: ${said}${cut}`;
    });
  const day = messages[0] ? new Date(messages[0].at).toLocaleDateString() : '';
  return [`${title}, ${day}`, '', ...lines, ''].join('\n');
}
