/** Where the time between a question and its answer went. */

import { Fragment } from 'preact';

import { breakdown, PARTS, totalSeconds } from '../call/breakdown';
import type { Turn } from '../protocol';
import { usePage } from '../state/context';
import { decimal, words } from '../state/language';

const BARS = 24;
const BAR_WIDTH = 10;
const GRAPH_HEIGHT = 48;
const SHORTEST_SCALE_SECONDS = 1;

export function WaitChip({ turn }: { turn: Turn }) {
  const total = totalSeconds(turn);
  if (total === null) return null;
  const parts = breakdown(turn);
  const page = words();
  const short = turn.wait_reason && page.waitReasonsInShort[turn.wait_reason];
  const why = whyWaited(turn);
  return (
    <details class="wait" data-testid="wait">
      <summary title={page.whereTimeWent}>
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
        {short && <span>{short}</span>}
        {turn.prepared && <span>{page.preparedWhileSpeaking}</span>}
      </summary>
      <dl>
        {parts.map((seconds, index) => (
          <Fragment key={index}>
            <dt>{partName(index)}</dt>
            <dd>{formatSeconds(seconds)}</dd>
          </Fragment>
        ))}
      </dl>
      {why && <p data-testid="wait-reason">{why}</p>}
    </details>
  );
}

export function WaitHistory() {
  const { state } = usePage();
  const shown = state.turns.value.filter((turn) => totalSeconds(turn) !== null).slice(-BARS);
  const totals = shown.map((turn) => totalSeconds(turn) ?? 0);
  const scale = Math.max(SHORTEST_SCALE_SECONDS, ...totals);
  const latest = shown.at(-1);
  const page = words();
  const summary = latest
    ? page.lastAnswer(formatSeconds(totals.at(-1) ?? 0), formatSeconds(median(totals)))
    : page.noAnswerYet;
  return (
    <figure class="waits" data-testid="waits">
      <figcaption>
        <span>{summary}</span>
        <ul aria-hidden="true">
          {PARTS.map((name, index) => (
            <li key={name} class={`part-${index}`}>
              {page[name]}
            </li>
          ))}
        </ul>
      </figcaption>
      <svg
        viewBox={`0 0 ${BARS * BAR_WIDTH} ${GRAPH_HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={page.waitingTimes(shown.length, formatSeconds(scale))}
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

/** A sentence with the seconds that it cost; null where nothing is known. */
function whyWaited(turn: Turn): string | null {
  if (turn.wait_reason === null || turn.end_of_speech_seconds === null) return null;
  const page = words();
  return page.waited(formatSeconds(turn.end_of_speech_seconds), page.waitReasons[turn.wait_reason]);
}

function partName(index: number): string {
  const part = PARTS[index];
  return part ? words()[part] : '';
}

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
}

function formatSeconds(seconds: number): string {
  return `${decimal(seconds, seconds < 10 ? 2 : 1)} s`;
}
