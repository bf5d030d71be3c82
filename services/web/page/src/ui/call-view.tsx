/** The call: who is there on one side, what is said on the other. */

import { useEffect, useRef, useState } from 'preact/hooks';

import { usePage, useScope } from '../state/context';
import { useStore } from '../state/store';
import { Captions } from './captions';
import { Controls } from './controls';
import { ConversationPanel } from './conversation-panel';
import { DeviceChoice } from './devices';
import { agentName } from './lobby';
import { Notes } from './notes';
import { Notices } from './notices';
import { People } from './people';
import { StateLine } from './state-line';
import { Visualiser } from './visualiser';

export function CallView() {
  const { call, callStore, preferences, server } = usePage();
  const phase = useStore(callStore, (state) => state.phase);
  const notices = useStore(callStore, (state) => state.notices);
  const notes = useStore(callStore, (state) => state.notes);
  const captions = useStore(preferences, (state) => state.captions);
  const title = useStore(server, (state) => state.config.title);
  const [showsDevices, setShowsDevices] = useState(false);
  // For the key listener, which lives longer than a render and must not lag behind what is seen.
  const seenDevices = useRef(showsDevices);
  seenDevices.current = showsDevices;
  const stage = useRef<HTMLDivElement>(null);
  // The button that was pressed is gone; without a new place the keyboard would start at the top.
  useEffect(() => stage.current?.focus(), [phase === 'ended']);

  useScope(
    'shortcuts',
    (scope) => {
      scope.listen(window, 'keydown', (event) => {
        if (!(event instanceof KeyboardEvent) || event.defaultPrevented) return;
        if (event.key === 'Escape') {
          if (seenDevices.current) setShowsDevices(false);
          else if (callStore.state.agentState === 'speaking') void call.stopSpeaking();
        }
        const isFree = !(event.target instanceof Element) || !event.target.closest(INTERACTIVE);
        if (event.code === 'Space' && isFree && !event.repeat && callStore.state.phase === 'call') {
          event.preventDefault();
          void call.setMuted(!callStore.state.muted);
        }
      });
    },
    [],
  );

  return (
    <div class="stage" ref={stage} tabIndex={-1}>
      <h1 class="sr-only">Call with {agentName(title)}</h1>
      <section class="presence" aria-label="Agent">
        <Visualiser />
        <StateLine />
        {phase === 'call' && <People />}
        {captions && phase !== 'ended' && <Captions />}
      </section>
      <section class="talk" aria-label="Conversation">
        {phase !== 'ended' && <Notes notes={notes} dismissible />}
        <Notices notices={notices} onChooseMicrophone={() => setShowsDevices(true)} />
        <ConversationPanel />
      </section>
      <section class="dock" aria-label="Controls">
        {showsDevices && phase !== 'ended' && (
          <div id="devices" class="popover">
            <DeviceChoice speaker />
            <p class="hint shortcuts">
              Space mutes and unmutes. Escape stops the agent’s speaking.
            </p>
          </div>
        )}
        <Controls showsDevices={showsDevices} onDevices={() => setShowsDevices(!showsDevices)} />
      </section>
    </div>
  );
}

/** Elements to which the space bar belongs. */
const INTERACTIVE = 'input, textarea, select, button, a[href], summary, [contenteditable]';
