/** What was said so far, for an agent that takes over from one that is gone. */

import {
  type History,
  type HistoryMessage,
  LONGEST_HISTORY_CHARACTERS,
  MOST_HISTORY_MESSAGES,
} from '../protocol';
import type { Message } from './transcript';

/** What each message costs besides its words. */
const OVERHEAD_CHARACTERS = 40;

/** The latest final messages within the bounds of the protocol; the latest is shortened to fit. */
export function historyOf(messages: readonly Message[]): History {
  const latest: HistoryMessage[] = [];
  let left = LONGEST_HISTORY_CHARACTERS;
  for (const message of messages.toReversed()) {
    if (!message.final || message.aside) continue;
    left -= OVERHEAD_CHARACTERS;
    const text = latest.length === 0 ? shortened(message.text, left) : message.text;
    left -= text.length;
    if (left < 0 || latest.length === MOST_HISTORY_MESSAGES) break;
    latest.unshift({ role: message.side === 'agent' ? 'assistant' : 'user', text });
  }
  return { messages: latest };
}

/** The end of a text, since what was said last matters most; no character is split. */
function shortened(text: string, longest: number): string {
  if (text.length <= longest) return text;
  return `…${text.slice(1 - longest).replace(/^[\udc00-\udfff]/, '')}`;
}
