/** Where the time between a question and its answer went. */

import { Fragment } from 'preact';

import { breakdown, PART_NAMES, totalSeconds } from '../call/breakdown';
import type { Turn } from '../protocol';
import { usePage } from '../state/context';

const BARS = 24;
const BAR_WIDTH = 10;
const GRAPH_HEIGHT = 48;
const SHORTEST_SCALE_SECONDS = 1;

export function WaitChip({ turn }: { turn: Turn }) {
  const total = totalSeconds(turn);
  if (total === null) return null;
  const parts = breakdown(turn);
  return (
    <details class="wait" data-testid="wait">
      <summary title="Where the time went">
        <span class="total">{formatSeconds(total)}</span>
        <span class="bar" aria-hidden="true">
          {parts.map((seconds, index) => (
            <i
              key={index}
              class={`part-${index}`}
              style={{ flexGrow: String(Math.round(seconds * 1000)) }}
            />
          ))}
        </span>
        {turn.prepared && <span>prepared while you spoke</span>}
      </summary>
      <dl>
        {parts.map((seconds, index) => (
          <Fragment key={index}>
            <dt>{PART_NAMES[index]}</dt>
            <dd>{formatSeconds(seconds)}</dd>
          </Fragment>
        ))}
      </dl>
    </details>
  );
}

export function WaitHistory() {
  const { state } = usePage();
  const shown = state.turns.value.filter((turn) => totalSeconds(turn) !== null).slice(-BARS);
  const totals = shown.map((turn) => totalSeconds(turn) ?? 0);
  const scale = Math.max(SHORTEST_SCALE_SECONDS, ...totals);
  const latest = shown.at(-1);
  const summary = latest
    ? `Last answer after ${formatSeconds(totals.at(-1) ?? 0)}, median ${formatSeconds(median(totals))}`
    : 'How long each answer took appears here.';
  return (
    <figure class="waits" data-testid="waits">
      <figcaption>
        <span>{summary}</span>
        <ul aria-hidden="true">
          {PART_NAMES.map((name, index) => (
            <li key={name} class={`part-${index}`}>
              {name}
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
  let top = GRAPH_HEIGHT;
  return (
    <g>
      {breakdown(turn).map((seconds, index) => {
        const height = (seconds / scale) * (GRAPH_HEIGHT - 2);
        top -= height;
        return (
          <rect
            key={index}
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

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
}

function formatSeconds(seconds: number): string {
  return `${seconds < 10 ? seconds.toFixed(2) : seconds.toFixed(1)} s`;
}
