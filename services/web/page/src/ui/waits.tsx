/** Where the time between a question and its answer went. */

import { Fragment } from 'preact';

import { usePage } from '../context';
import { useStore } from '../store';
import type { Turn } from '../transcript';

const PARTS = [
  { key: 'end_of_speech_seconds', name: 'End of speech' },
  { key: 'transcript_seconds', name: 'Transcript' },
  { key: 'first_token_seconds', name: 'First word' },
  { key: 'first_sound_seconds', name: 'First sound' },
] as const;

const BARS = 24;
const BAR_WIDTH = 10;
const GRAPH_HEIGHT = 48;
const SHORTEST_SCALE_SECONDS = 1;

export function WaitChip({ turn }: { turn: Turn }) {
  const total = totalSeconds(turn);
  if (total === null) return null;
  return (
    <details class="wait" data-testid="wait">
      <summary title="Where the time went">
        <span class="total">{formatSeconds(total)}</span>
        <span class="bar" aria-hidden="true">
          {PARTS.map((part, index) => (
            <i
              key={part.key}
              class={`part-${index}`}
              style={{ flexGrow: String(Math.round((turn[part.key] ?? 0) * 1000)) }}
            />
          ))}
        </span>
        {turn.prepared && <span>prepared while you spoke</span>}
      </summary>
      <dl>
        {PARTS.map((part) => (
          <Fragment key={part.key}>
            <dt>{part.name}</dt>
            <dd>{formatPart(turn[part.key])}</dd>
          </Fragment>
        ))}
      </dl>
    </details>
  );
}

export function WaitHistory() {
  const { callStore } = usePage();
  const turns = useStore(callStore, (state) => state.turns);
  const shown = turns.filter((turn) => totalSeconds(turn) !== null).slice(-BARS);
  const totals = shown.map((turn) => totalSeconds(turn) ?? 0);
  const scale = Math.max(SHORTEST_SCALE_SECONDS, ...totals);
  const latest = shown.at(-1);
  const summary = latest
    ? `Last answer after ${formatSeconds(totals.at(-1) ?? 0)}, usual ${formatSeconds(median(totals))}`
    : 'How long each answer took appears here.';
  return (
    <figure class="waits" data-testid="waits">
      <figcaption>
        <span>{summary}</span>
        <ul aria-hidden="true">
          {PARTS.map((part, index) => (
            <li key={part.key} class={`part-${index}`}>
              {part.name}
            </li>
          ))}
        </ul>
      </figcaption>
      <svg
        viewBox={`0 0 ${BARS * BAR_WIDTH} ${GRAPH_HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`Waiting times of the last ${shown.length} turns, up to ${formatSeconds(scale)}`}
      >
        {shown.map((turn, index) => (
          <Bar key={turn.id || index} turn={turn} x={index * BAR_WIDTH} scale={scale} />
        ))}
      </svg>
    </figure>
  );
}

function Bar({ turn, x, scale }: { turn: Turn; x: number; scale: number }) {
  const total = totalSeconds(turn) ?? 0;
  const known = PARTS.reduce((sum, part) => sum + (turn[part.key] ?? 0), 0) || 1;
  let top = GRAPH_HEIGHT;
  return (
    <g>
      {PARTS.map((part, index) => {
        const share = (turn[part.key] ?? 0) / known;
        const height = ((share * total) / scale) * (GRAPH_HEIGHT - 2);
        top -= height;
        return (
          <rect
            key={part.key}
            class={`part-${index}`}
            x={x + 1.5}
            y={top}
            width={BAR_WIDTH - 3}
            height={height}
          />
        );
      })}
    </g>
  );
}

/** The whole wait: as the agent measured it, else the sum of its parts. */
function totalSeconds(turn: Turn): number | null {
  if (turn.response_seconds !== null) return turn.response_seconds;
  const parts = PARTS.map((part) => turn[part.key]).filter((value) => value !== null);
  return parts.length > 0 ? parts.reduce((sum, value) => sum + value, 0) : null;
}

function formatPart(seconds: number | null): string {
  return seconds === null ? 'not measured' : formatSeconds(seconds);
}

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
}

function formatSeconds(seconds: number): string {
  return `${seconds < 10 ? seconds.toFixed(2) : seconds.toFixed(1)} s`;
}
