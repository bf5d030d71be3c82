/** Sentences about what is wrong, each with its next step. */

import { usePage } from '../state/context';
import type { Notice } from '../call/failures';
import { Icon } from './icons';

interface Props {
  notices: readonly Notice[];
  onChooseMicrophone?: () => void;
}

export function Notices({ notices, onChooseMicrophone }: Props) {
  const { call } = usePage();
  return (
    <div class="notices" role="status" aria-label="Notices">
      {notices.map((notice) => (
        <div key={notice.key} class={`notice ${notice.tone}`} data-notice={notice.key}>
          <p>{notice.text}</p>
          {notice.remedy && (
            <button
              type="button"
              onClick={() => {
                if (notice.remedy?.does === 'choose-microphone') onChooseMicrophone?.();
                else if (notice.remedy) call.remedy(notice.remedy.does);
              }}
            >
              {notice.remedy.label}
            </button>
          )}
          {notice.dismissible && (
            <button
              type="button"
              class="quiet"
              aria-label="Dismiss"
              onClick={() => call.dismiss(notice.key)}
            >
              <Icon name="close" />
            </button>
          )}
        </div>
      ))}
    </div>
  );
}
