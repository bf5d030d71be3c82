/** One thing that was said. */

import { memo } from 'preact/compat';

import { type Message, speakerName } from '../call/transcript';
import { words } from '../state/language';
import { WaitChip } from './waits';

interface Props {
  message: Message;
  showsWait: boolean;
}

export const MessageItem = memo(function MessageItem({ message, showsWait }: Props) {
  const live = message.side === 'agent' && !message.final;
  const classes = ['message', message.side, message.final ? 'final' : 'interim'];
  if (message.cut) classes.push('cut');
  if (message.aside) classes.push('aside');
  const time = new Date(message.at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  return (
    <li class={classes.join(' ')} data-side={message.side} data-final={message.final}>
      <p class="who">
        <bdi>{speakerName(message)}</bdi>
        <time dateTime={new Date(message.at).toISOString()}>{time}</time>
        {message.typed && <span class="typed">{words().typed}</span>}
      </p>
      <p class="text" dir="auto" {...inLanguage(message)}>
        {message.aside ? `(${message.text})` : <Spoken text={message.text} live={live} />}
        {message.cut && <span class="break"> — {words().interrupted}</span>}
      </p>
      {showsWait && message.turn && <WaitChip turn={message.turn} />}
    </li>
  );
});

/** The attribute that tells assistive technology the language of a message. */
export function inLanguage({ language }: Message): { lang?: string } {
  return language ? { lang: language } : {};
}

/** Text with its last word marked while it is being spoken: words arrive as they are heard. */
export function Spoken({ text, live }: { text: string; live: boolean }) {
  if (!live) return <>{text}</>;
  const split = text.trimEnd().lastIndexOf(' ') + 1;
  return (
    <>
      {text.slice(0, split)}
      <mark>{text.slice(split)}</mark>
    </>
  );
}
