/** Choice of the page's language. */

import { language, languages, want, words } from '../state/language';
import { prefer } from '../state/preferences';

export function LanguageChoice() {
  const choices = languages();
  if (choices.length < 2) return null;
  return (
    <select
      class="language"
      aria-label={words().language}
      title={words().language}
      value={language.value}
      onChange={(event) => {
        const code = event.currentTarget.value;
        prefer({ language: code });
        want([code]);
      }}
    >
      {choices.map(({ code, name }) => (
        <option key={code} value={code} lang={code}>
          {name}
        </option>
      ))}
    </select>
  );
}
