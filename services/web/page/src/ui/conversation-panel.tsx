/** The conversation as text: to read, type into, copy and save. */

import { useEffect, useRef, useState } from 'preact/hooks';
import { asText } from '../call/transcript';
import { LONGEST_TYPED_CHARACTERS } from '../protocol';
import { usePage } from '../state/context';
import { prefer, preferences } from '../state/preferences';
import { Icon } from './icons';
import { MessageItem } from './message';
import { WaitHistory } from './waits';

const NEAR_END_PX = 80;

export function ConversationPanel() {
  const { call, state, server, resources } = usePage();
  const messages = state.messages.value;
  const inCall = state.phase.value === 'call';
  const room = state.room.value;
  const { timings } = preferences.value;
  const [done, setDone] = useState('');
  const [draft, setDraft] = useState('');
  const list = useRef<HTMLOListElement>(null);
  const follows = useRef(true);

  useEffect(() => {
    const element = list.current;
    if (element && follows.current) element.scrollTop = element.scrollHeight;
  }, [messages]);

  const copy = async (what: string, text: string) => {
    try {
      await navigator.clipboard.writeText(text);
      setDone(`${what} copied.`);
    } catch {
      setDone('The browser did not allow copying; use the download instead.');
    }
  };
  const title = server.value.config.title;
  const save = () => {
    const scope = resources.scope('download');
    const blob = new Blob([asText(messages, title)], { type: 'text/plain;charset=utf-8' });
    const url = scope.objectUrl('conversation', blob);
    const anchor = document.createElement('a');
    anchor.href = url;
    anchor.download = `conversation-${new Date().toISOString().slice(0, 16).replace(':', '')}.txt`;
    anchor.click();
    scope.timeout('download', 5000, () => scope.close());
    setDone('Conversation saved.');
  };
  const send = async (event: Event) => {
    event.preventDefault();
    if (await call.send(draft)) setDraft('');
  };
  const invite = () => {
    const link = new URL(location.pathname, location.href);
    link.searchParams.set('room', room);
    void copy('Invitation link', link.href);
  };

  return (
    <>
      <header class="tools">
        <h2>Conversation</h2>
        <p class="sr-only" role="status">
          {done}
        </p>
        <button
          type="button"
          class="quiet"
          onClick={invite}
          disabled={!room}
          title="Copy a link that invites others"
        >
          <Icon name="link" />
          <span>Invite</span>
        </button>
        <button
          type="button"
          class="quiet"
          aria-pressed={timings}
          title="Show how long answers take"
          onClick={() => prefer({ timings: !timings })}
        >
          <Icon name="times" />
          <span>Timings</span>
        </button>
        <button
          type="button"
          class="quiet"
          disabled={messages.length === 0}
          onClick={() => void copy('Conversation', asText(messages, title))}
        >
          <Icon name="copy" />
          <span>Copy</span>
        </button>
        <button type="button" class="quiet" disabled={messages.length === 0} onClick={save}>
          <Icon name="save" />
          <span>Save</span>
        </button>
      </header>
      {timings && <WaitHistory />}
      <ol
        ref={list}
        class="messages"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard must be able to scroll it.
        tabIndex={0}
        aria-label="What was said"
        onScroll={(event) => {
          const { scrollHeight, scrollTop, clientHeight } = event.currentTarget;
          follows.current = scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
        }}
      >
        {messages.length === 0 && <li class="empty">What you and the agent say appears here.</li>}
        {messages.map((message) => (
          <MessageItem key={message.id} message={message} showsWait={timings} />
        ))}
      </ol>
      <form class="write" onSubmit={(event) => void send(event)}>
        <label class="sr-only" for="draft">
          Type to the agent
        </label>
        <input
          id="draft"
          maxLength={LONGEST_TYPED_CHARACTERS}
          autocomplete="off"
          placeholder="Type instead of speaking"
          value={draft}
          disabled={!inCall}
          onInput={(event) => setDraft(event.currentTarget.value)}
        />
        <button type="submit" aria-label="Send" disabled={!inCall || !draft.trim()}>
          <Icon name="send" />
        </button>
      </form>
    </>
  );
}
