/** The conversation as text: to read, type into, copy and save. */

import { useEffect, useRef, useState } from 'preact/hooks';
import { asText } from '../call/transcript';
import { LONGEST_TYPED_CHARACTERS } from '../protocol';
import { usePage } from '../state/context';
import { type Phrase, said, words } from '../state/language';
import { prefer, preferences } from '../state/preferences';
import { Icon } from './icons';
import { titled } from './lobby';
import { MessageItem } from './message';
import { WaitHistory } from './waits';

const NEAR_END_PX = 80;

export function ConversationPanel() {
  const { call, state, server, resources } = usePage();
  const messages = state.messages.value;
  const inCall = state.phase.value === 'call';
  const room = state.room.value;
  const { timings } = preferences.value;
  const page = words();
  const [done, setDone] = useState<Phrase>('');
  const [draft, setDraft] = useState('');
  const list = useRef<HTMLOListElement>(null);
  const follows = useRef(true);
  const sending = useRef(false);

  useEffect(() => {
    const element = list.current;
    if (element && follows.current) element.scrollTop = element.scrollHeight;
  }, [messages]);

  const copy = async (copied: 'linkCopied' | 'conversationCopied', text: string) => {
    try {
      await navigator.clipboard.writeText(text);
      setDone(() => () => words()[copied]);
    } catch {
      setDone(() => () => words().copyingForbidden);
    }
  };
  const { title: owners } = server.value.config;
  const title = titled(owners, page.title, (name) => name);
  const save = () => {
    const scope = resources.scope('download');
    const blob = new Blob([asText(messages, title)], { type: 'text/plain;charset=utf-8' });
    const url = scope.objectUrl('conversation', blob);
    const anchor = document.createElement('a');
    anchor.href = url;
    anchor.download = `${page.fileName}-${new Date().toISOString().slice(0, 16).replace(':', '')}.txt`;
    anchor.click();
    scope.timeout('download', 5000, () => scope.close());
    setDone(() => () => words().conversationSaved);
  };
  const send = async (event: Event) => {
    event.preventDefault();
    if (sending.current) return;
    sending.current = true;
    const sent = await call.send(draft);
    sending.current = false;
    if (sent) setDraft((now) => (now === draft ? '' : now));
  };
  const invite = () => {
    const link = new URL(location.pathname, location.href);
    link.searchParams.set('room', room);
    void copy('linkCopied', link.href);
  };

  return (
    <>
      <header class="tools">
        <h2>{page.conversation}</h2>
        <p class="sr-only" role="status">
          {said(done)}
        </p>
        <button
          type="button"
          class="quiet"
          onClick={invite}
          disabled={!room}
          title={page.inviteTitle}
        >
          <Icon name="link" />
          <span>{page.invite}</span>
        </button>
        <button
          type="button"
          class="quiet"
          aria-pressed={timings}
          title={page.timingsTitle}
          onClick={() => prefer({ timings: !timings })}
        >
          <Icon name="times" />
          <span>{page.timings}</span>
        </button>
        <button
          type="button"
          class="quiet"
          disabled={messages.length === 0}
          onClick={() => void copy('conversationCopied', asText(messages, title))}
        >
          <Icon name="copy" />
          <span>{page.copy}</span>
        </button>
        <button type="button" class="quiet" disabled={messages.length === 0} onClick={save}>
          <Icon name="save" />
          <span>{page.save}</span>
        </button>
      </header>
      {timings && <WaitHistory />}
      <ol
        ref={list}
        class="messages"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard must be able to scroll it.
        tabIndex={0}
        aria-label={page.whatWasSaid}
        onScroll={(event) => {
          const { scrollHeight, scrollTop, clientHeight } = event.currentTarget;
          follows.current = scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
        }}
      >
        {messages.length === 0 && <li class="empty">{page.nothingSaid}</li>}
        {messages.map((message) => (
          <MessageItem key={message.id} message={message} showsWait={timings} />
        ))}
      </ol>
      <form class="write" onSubmit={(event) => void send(event)}>
        <label class="sr-only" for="draft">
          {page.typeToAgent}
        </label>
        <input
          id="draft"
          maxLength={LONGEST_TYPED_CHARACTERS}
          autocomplete="off"
          placeholder={page.typeInstead}
          value={draft}
          disabled={!inCall}
          onInput={(event) => setDraft(event.currentTarget.value)}
        />
        <button type="submit" aria-label={page.send} disabled={!inCall || !draft.trim()}>
          <Icon name="send" />
        </button>
      </form>
    </>
  );
}
