/** Lists open resources: shown for `?debug` in the address or `DEBUG_MEMORY` in localStorage. */

import { useState } from 'preact/hooks';
import type { Resource } from '../lib/resources';
import { usePage, useScope } from '../state/context';
import { decimal, words } from '../state/language';

export function debugWanted(): boolean {
  try {
    const stored = localStorage.getItem('DEBUG_MEMORY');
    if (stored !== null && stored !== '0' && stored !== 'false') return true;
  } catch {
    // Storage may be forbidden; then the address decides.
  }
  return new URLSearchParams(location.search).has('debug');
}

/** Chromium's measure of the heap; other browsers have none. */
interface MemoryPerformance extends Performance {
  memory?: { usedJSHeapSize: number };
}

export function DebugPanel() {
  const { resources } = usePage();
  const [open, setOpen] = useState<readonly Resource[]>([]);
  const [nowMs, setNowMs] = useState(performance.now());
  useScope(
    'debug panel',
    (scope) => {
      const refresh = () => {
        setOpen(resources.list());
        setNowMs(performance.now());
      };
      refresh();
      scope.interval('debug panel', 1000, refresh);
    },
    [],
  );
  const page = words();
  const heap = (performance as MemoryPerformance).memory?.usedJSHeapSize;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard must be able to scroll it.
    <aside class="debug" tabIndex={0} aria-label={page.openResources}>
      <p>
        <strong>{open.length}</strong> {page.openCount}
        {heap !== undefined && ` · ${page.heap} ${decimal(heap / 1048576, 1)} MiB`}
      </p>
      <table>
        <thead>
          <tr>
            <th scope="col">{page.kind}</th>
            <th scope="col">{page.what}</th>
            <th scope="col">{page.owner}</th>
            <th scope="col">{page.age}</th>
          </tr>
        </thead>
        <tbody>
          {open.map((resource) => (
            <tr key={resource.id} data-kind={resource.kind}>
              <td>{resource.kind}</td>
              <td>{resource.label}</td>
              <td>{resource.scope}</td>
              <td>{Math.max(0, Math.round((nowMs - resource.openedAt) / 1000))} s</td>
            </tr>
          ))}
        </tbody>
      </table>
    </aside>
  );
}
