/** The conversation as it is said: segments that grow, are corrected and end. */

export type Side = 'caller' | 'agent' | 'guest';

export interface Turn {
  id: string;
  end_of_speech_seconds: number | null;
  transcript_seconds: number | null;
  first_token_seconds: number | null;
  first_sound_seconds: number | null;
  response_seconds: number | null;
  prepared: boolean;
  interrupted: boolean;
}

export interface Message {
  readonly id: string;
  readonly side: Side;
  readonly name: string;
  readonly text: string;
  /** Wall-clock milliseconds at which it began. */
  readonly at: number;
  /** False while it still grows or may be corrected. */
  readonly final: boolean;
  readonly typed: boolean;
  /** True when the reply was broken off here. */
  readonly cut: boolean;
  readonly turn: Turn | null;
}

export interface SegmentUpdate {
  id: string;
  side: Side;
  name: string;
  text: string;
  final: boolean;
  cut?: boolean;
}

/** Put a segment's present text in its place; a segment that lost all its words disappears. */
export function withSegment(messages: readonly Message[], update: SegmentUpdate): readonly Message[] {
  const index = messages.findLastIndex((message) => message.id === update.id);
  const text = update.text.trim();
  if (index < 0) {
    if (!text) return messages;
    const message: Message = {
      id: update.id,
      side: update.side,
      name: update.name,
      text,
      at: Date.now(),
      final: update.final,
      typed: false,
      cut: update.cut ?? false,
      turn: null,
    };
    return [...messages, message];
  }
  const old = messages[index] as Message;
  if (!text) return update.final ? messages.filter((message) => message !== old) : messages;
  if (old.final && !update.final) return messages;
  const changed = { ...old, text, final: update.final, cut: update.cut ?? old.cut };
  return messages.with(index, changed);
}

export function withTyped(
  messages: readonly Message[],
  typed: { id: string; side: Side; name: string; text: string },
): readonly Message[] {
  const message: Message = { ...typed, at: Date.now(), final: true, typed: true, cut: false, turn: null };
  return [...messages, message];
}

/** Join a turn's times to the reply that they are about: the agent's latest without any. */
export function withTurn(messages: readonly Message[], turn: Turn): readonly Message[] {
  const index = messages.findLastIndex((message) => message.side === 'agent');
  const reply = messages[index];
  if (!reply || reply.turn) return messages;
  return messages.with(index, { ...reply, turn, cut: reply.cut || turn.interrupted });
}

/** End what the agent was saying, cut where it is. */
export function withAgentCut(messages: readonly Message[]): readonly Message[] {
  return messages.map((message) =>
    message.side === 'agent' && !message.final ? { ...message, final: true, cut: true } : message,
  );
}

/** The conversation as plain text, to be copied or kept. */
export function asText(messages: readonly Message[], title: string): string {
  const lines = messages
    .filter((message) => message.text)
    .map((message) => {
      const time = new Date(message.at).toLocaleTimeString([], { hour12: false });
      return `[${time}] ${message.name}: ${message.text}${message.cut ? ' — (interrupted)' : ''}`;
    });
  const day = messages[0] ? new Date(messages[0].at).toLocaleDateString() : '';
  return [`${title}, ${day}`, '', ...lines, ''].join('\n');
}

/** Read a turn's times from the wire; null when it is not one. */
export function parseTurn(json: string): Turn | null {
  const raw = parseObject(json);
  if (!raw) return null;
  const seconds = (key: string) => {
    const value = raw[key];
    return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : null;
  };
  return {
    id: String(raw['id'] ?? ''),
    end_of_speech_seconds: seconds('end_of_speech_seconds'),
    transcript_seconds: seconds('transcript_seconds'),
    first_token_seconds: seconds('first_token_seconds'),
    first_sound_seconds: seconds('first_sound_seconds'),
    response_seconds: seconds('response_seconds'),
    prepared: raw['prepared'] === true,
    interrupted: raw['interrupted'] === true,
  };
}

export function parseObject(json: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}
