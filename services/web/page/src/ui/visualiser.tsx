/** Contour lines that carry the sound of the call, outwards when the agent speaks. */

import { useRef } from 'preact/hooks';

import { usePage, useScope } from '../state/context';
import { words } from '../state/language';
import { ContourField } from './contours';
import { stateWord } from './state-line';

const FRAME_MS = 1000 / 30;
/** In silence only every so many frames are drawn: drawing is most of the work, the drift is slow. */
const FRAMES_WHEN_STILL = 3;
const FRAMES_WHEN_STILL_AND_CALM = 30;
const REPORT_EVERY_FRAMES = 10;

export function Visualiser() {
  const { call, state } = usePage();
  const canvas = useRef<HTMLCanvasElement>(null);
  useScope(
    'visualiser',
    (scope) => {
      const element = canvas.current;
      const context = element?.getContext('2d');
      if (!element || !context) return;
      const calm = matchMedia('(prefers-reduced-motion: reduce)');
      const field = new ContourField(element, context);
      let lastMs = 0;
      let frames = 0;
      scope.frames('contours', (nowMs) => {
        if (nowMs - lastMs < FRAME_MS - 2) return;
        lastMs = nowMs;
        const present = state.phase.peek() === 'call' && state.presence.peek() === 'present';
        const activity = present ? state.agentState.peek() : 'idle';
        field.step({
          agent: call.agentMeter,
          caller: call.callerMeter,
          activity,
          calm: calm.matches,
        });
        const each = calm.matches ? FRAMES_WHEN_STILL_AND_CALM : FRAMES_WHEN_STILL;
        if (field.stirs || frames % each === 0) field.draw(nowMs);
        frames += 1;
        if (frames % REPORT_EVERY_FRAMES === 0) {
          element.dataset.agentLevel = field.agentLevel.toFixed(2);
          element.dataset.callerLevel = field.callerLevel.toFixed(2);
        }
      });
    },
    [],
  );
  return (
    <canvas
      ref={canvas}
      class="contours"
      role="img"
      aria-label={words().visualiser(stateWord(state))}
    />
  );
}
