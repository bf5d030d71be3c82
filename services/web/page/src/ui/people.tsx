/** Who is in the call: everyone listed hears and reads everything. */

import { usePage } from '../state/context';
import { words } from '../state/language';

const MOST_NAMED = 8;

export function People() {
  const { state } = usePage();
  const people = state.people.value;
  const hasAgent = state.presence.value === 'present';
  const named = people.slice(0, MOST_NAMED);
  const page = words();
  return (
    <p class="people" role="status" aria-label={page.inThisCall} data-testid="people">
      {page.inThisCallYou}
      {hasAgent && page.andTheAgent}
      {named.map(({ identity, name, speaks }) => (
        <span key={identity}>
          {', '}
          <bdi>{name || page.guest}</bdi> {speaks ? page.guestSpeaks : page.guestListens}
        </span>
      ))}
      {people.length > named.length && page.andMore(people.length - named.length)}
    </p>
  );
}
