/** What callers should know about the agent: one sentence, the others on request. */

import { useState } from 'preact/hooks';

import { type Phrase, said, words } from '../state/language';
import { Icon } from './icons';

interface Props {
  notes: readonly Phrase[];
  dismissible?: boolean;
}

/** Notes stay dismissed for the rest of the visit. */
const dismissed = new Set<string>();

export function Notes({ notes, dismissible = false }: Props) {
  const [, render] = useState(0);
  const sentences = notes.map(said);
  const [first, ...others] = sentences;
  const all = sentences.join(' ');
  if (first === undefined || (dismissible && dismissed.has(all))) return null;
  return (
    <div class="notice info" data-testid="notes">
      {others.length > 0 ? (
        <details>
          <summary>{first}</summary>
          {others.map((note) => (
            <p key={note}>{note}</p>
          ))}
        </details>
      ) : (
        <p>{first}</p>
      )}
      {dismissible && (
        <button
          type="button"
          class="quiet"
          aria-label={words().dismiss}
          onClick={() => {
            dismissed.add(all);
            render((count) => count + 1);
          }}
        >
          <Icon name="close" />
        </button>
      )}
    </div>
  );
}
