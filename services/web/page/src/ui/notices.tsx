/** Notices: sentences about problems, each with its next step. */

import type { Notice } from '../call/notices';
import { usePage } from '../state/context';
import { said, words } from '../state/language';
import { Icon } from './icons';

export function Notices({ notices }: { notices: readonly Notice[] }) {
  const { state } = usePage();
  return (
    <div class="notices" role="status" aria-label={words().notices}>
      {notices.map((notice) => (
        <div key={notice.key} class={`notice ${notice.tone}`} data-notice={notice.key}>
          <p>{said(notice.text)}</p>
          {notice.remedy && (
            <button type="button" onClick={notice.remedy.run}>
              {said(notice.remedy.label)}
            </button>
          )}
          {notice.dismissible && (
            <button
              type="button"
              class="quiet"
              aria-label={words().dismiss}
              onClick={() => state.notices.dismiss(notice.key)}
            >
              <Icon name="close" />
            </button>
          )}
        </div>
      ))}
    </div>
  );
}
