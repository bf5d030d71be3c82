/** The last words in large type, for those who cannot hear. */

import { speakerName } from '../call/transcript';
import { usePage } from '../state/context';
import { inLanguage, Spoken } from './message';

const LONGEST_CAPTION = 160;

export function Captions() {
  const { state } = usePage();
  const message = state.messages.value.at(-1);
  const isAgent = message?.side === 'agent';
  return (
    <div class="captions" data-testid="captions">
      {message && (
        <>
          <p class={`who ${message.side}`}>
            <bdi>{speakerName(message)}</bdi>
          </p>
          <p {...inLanguage(message)}>
            <Spoken text={lastWords(message.text)} live={isAgent && !message.final} />
          </p>
        </>
      )}
      {isAgent && message.final && (
        <p class="sr-only" role="log" {...inLanguage(message)}>
          {speakerName(message)}: {message.text}
        </p>
      )}
    </div>
  );
}

function lastWords(text: string): string {
  if (text.length <= LONGEST_CAPTION) return text;
  const tail = text.slice(-LONGEST_CAPTION);
  return `… ${tail.slice(tail.indexOf(' ') + 1)}`;
}
