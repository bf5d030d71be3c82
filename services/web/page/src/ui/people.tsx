/** Who is in the call: whoever is hears and reads everything. */

import { usePage } from '../state/context';
import { useStore } from '../state/store';

const MOST_NAMED = 8;

export function People() {
  const { callStore } = usePage();
  const people = useStore(callStore, (state) => state.people);
  const hasAgent = useStore(callStore, (state) => state.presence === 'present');
  const named = people.slice(0, MOST_NAMED);
  return (
    <p class="people" role="status" aria-label="In this call" data-testid="people">
      In this call: you{hasAgent && ', the agent'}
      {named.map(({ identity, name, speaks }) => (
        <span key={identity}>
          {', '}
          <bdi>{name}</bdi> (guest{!speaks && ', only listens'})
        </span>
      ))}
      {people.length > named.length && ` and ${people.length - named.length} more`}
    </p>
  );
}
