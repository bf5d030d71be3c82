/** A level bar. */

import { useRef } from 'preact/hooks';
import type { Meter } from '../media/sound';
import { useScope } from '../state/context';

interface Props {
  label: string;
  read: () => Meter | null;
  /** Called once, at the first sound. */
  onHeard?: () => void;
}

const HEARD_LEVEL = 0.35;

export function Level({ label, read, onHeard }: Props) {
  const bar = useRef<HTMLDivElement>(null);
  useScope(
    'level meter',
    (scope) => {
      let shown = 0;
      let heard = false;
      scope.frames(label, () => {
        const level = read()?.level() ?? 0;
        shown = Math.max(level, shown * 0.9);
        bar.current?.style.setProperty('--level', shown.toFixed(3));
        if (!heard && level > HEARD_LEVEL) {
          heard = true;
          onHeard?.();
        }
      });
    },
    [],
  );
  return <div ref={bar} class="level" role="img" aria-label={label} />;
}
