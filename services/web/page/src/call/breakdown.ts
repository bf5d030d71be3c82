/** Splits the wait for an answer into consecutive parts that add up to it. */

import type { Turn } from '../protocol';

/** Names of the parts among the page's words, in order. */
export const PARTS = [
  'partEndOfSpeech',
  'partTranscript',
  'partFirstWord',
  'partFirstSound',
] as const;

/** The measured parts overlap when they add up to more than the total times this. */
const ROUNDING = 1.02;

/** The whole wait: as measured by the agent, else the sum of its parts; null when unknown. */
export function totalSeconds(turn: Turn): number | null {
  if (turn.response_seconds !== null) return turn.response_seconds;
  const known = measured(turn).filter((value) => value !== null);
  return known.length > 0 ? sum(known) : null;
}

/**
 * Seconds of each part, in the order of `PARTS`.
 *
 * The parts of an agent that works ahead overlap: the transcript is ready before the turn is over,
 * the reply before the transcript is final. Only the share of a part that came after the parts
 * before it made the caller wait; the last part is the rest.
 */
export function breakdown(turn: Turn): number[] {
  const parts = measured(turn).map((value) => value ?? 0);
  const total = totalSeconds(turn) ?? 0;
  const [endOfSpeech = 0, transcript = 0, firstWord = 0] = parts;
  const overlap = sum(parts) > total * ROUNDING;
  const waits = [endOfSpeech, overlap ? transcript - endOfSpeech : transcript, firstWord];
  let rest = total;
  const split = waits.map((wait) => {
    const part = Math.min(Math.max(wait, 0), rest);
    rest -= part;
    return part;
  });
  return [...split, rest];
}

function measured(turn: Turn): (number | null)[] {
  return [
    turn.end_of_speech_seconds,
    turn.transcript_seconds,
    turn.first_token_seconds,
    turn.first_sound_seconds,
  ];
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
