/** Who is in the call: everyone listed hears and reads everything. */

import { usePage } from '../state/context';

const MOST_NAMED = 8;

export function People() {
  const { state } = usePage();
  const people = state.people.value;
  const hasAgent = state.presence.value === 'present';
  const named = people.slice(0, MOST_NAMED);
  return (
    <p class="people" role="status" aria-label="In this call" data-testid="people">
      In this call: you{hasAgent && ', the agent'}
      {named.map(({ identity, name, speaks }) => (
        <span key={identity}>
          {', '}
          <bdi>{name}</bdi> (guest{!speaks && ', listening only'})
        </span>
      ))}
      {people.length > named.length && ` and ${people.length - named.length} more`}
    </p>
  );
}
