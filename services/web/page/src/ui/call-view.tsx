/** The call: the agent on one side, the conversation on the other. */

import { useEffect, useRef } from 'preact/hooks';

import { usePage, useScope } from '../state/context';
import { words } from '../state/language';
import { preferences } from '../state/preferences';
import { Captions } from './captions';
import { Controls } from './controls';
import { ConversationPanel } from './conversation-panel';
import { DeviceChoice } from './devices';
import { titled } from './lobby';
import { Notes } from './notes';
import { Notices } from './notices';
import { People } from './people';
import { StateLine } from './state-line';
import { Visualiser } from './visualiser';

export function CallView() {
  const { call, state, server } = usePage();
  const ended = state.phase.value === 'ended';
  const showsDevices = state.showsDevices.value;
  const stage = useRef<HTMLDivElement>(null);
  // The pressed button is gone; without a new focus the keyboard would start at the top.
  useEffect(() => stage.current?.focus(), [ended]);

  useScope(
    'shortcuts',
    (scope) => {
      scope.listen(window, 'keydown', (event) => {
        if (!(event instanceof KeyboardEvent) || event.defaultPrevented) return;
        if (event.key === 'Escape') {
          if (state.showsDevices.peek()) state.showsDevices.value = false;
          else if (state.isReplying) void call.stopSpeaking();
        }
        const isFree = !(event.target instanceof Element) || !event.target.closest(INTERACTIVE);
        if (event.code === 'Space' && isFree && !event.repeat && state.phase.peek() === 'call') {
          event.preventDefault();
          void call.setMuted(!state.muted.peek());
        }
      });
    },
    [],
  );

  const page = words();
  return (
    <div class="stage" ref={stage} tabIndex={-1}>
      <h1 class="sr-only">
        {titled(server.value.config.title, page.callWithAgent, page.callWith)}
      </h1>
      <section class="presence" aria-label={page.agent}>
        <Visualiser />
        <StateLine />
        {state.phase.value === 'call' && <People />}
        {preferences.value.captions && !ended && <Captions />}
      </section>
      <section class="talk" aria-label={page.conversation}>
        {!ended && <Notes notes={state.notes.value} dismissible />}
        <Notices notices={state.notices.shown} />
        <ConversationPanel />
      </section>
      <section class="dock" aria-label={page.controls}>
        {showsDevices && !ended && (
          <div id="devices" class="popover">
            <DeviceChoice speaker />
            <p class="hint shortcuts">{page.shortcuts}</p>
          </div>
        )}
        <Controls />
      </section>
    </div>
  );
}

/** Elements with a use for the space bar. */
const INTERACTIVE = 'input, textarea, select, button, a[href], summary, [contenteditable]';
