/** Notices: sentences about problems, each with its next step. */

import type { Notice } from '../call/notices';
import { usePage } from '../state/context';
import { Icon } from './icons';

export function Notices({ notices }: { notices: readonly Notice[] }) {
  const { state } = usePage();
  return (
    <div class="notices" role="status" aria-label="Notices">
      {notices.map((notice) => (
        <div key={notice.key} class={`notice ${notice.tone}`} data-notice={notice.key}>
          <p>{notice.text}</p>
          {notice.remedy && (
            <button type="button" onClick={notice.remedy.run}>
              {notice.remedy.label}
            </button>
          )}
          {notice.dismissible && (
            <button
              type="button"
              class="quiet"
              aria-label="Dismiss"
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
