/** Puts the page together and shows it. */

import { signal } from '@preact/signals';
import { LogLevel, setLogLevel } from 'livekit-client';
import { render } from 'preact';

import { Call } from './call/call';
import { readInvitation } from './call/invitation';
import type { Pack } from './languages/pack';
import { DEFAULT_CONFIG, type PageConfig, readConfig, readStatus } from './lib/api';
import { ResourceRegistry, type Scope } from './lib/resources';
import { randomUuid } from './lib/uuid';
import { CallState } from './state/call-state';
import { type Page, PageContext, type ServerState } from './state/context';
import { offer, want } from './state/language';
import { preferences } from './state/preferences';
import { App } from './ui/app';

const STATUS_EVERY_MS = 10_000;

// Over plain http browsers hide this function, without which livekit-client cannot send text.
crypto.randomUUID ??= randomUuid;
setLogLevel(LogLevel.warn);
offer(import.meta.glob<{ default?: Pack }>('./languages/*.ts', { eager: true }));
want([preferences.peek().language, ...navigator.languages]);
const root = document.getElementById('page') as HTMLElement;
const resources = new ResourceRegistry();
const server = signal<ServerState>({ config: DEFAULT_CONFIG, status: null, reachable: true });
const state = new CallState(preferences.peek());
const call = new Call(state, resources, loadConfig);
const page: Page = { call, state, server, resources, invitation: readInvitation() };

let scope: Scope | null = null;
let configured = false;

function open(): void {
  scope = resources.scope('page');
  scope.listen(window, 'pagehide', close);
  scope.listen(document, 'visibilitychange', () => void refreshServer());
  scope.interval('server status', STATUS_EVERY_MS, () => void refreshServer());
  void refreshServer();
  render(
    <PageContext.Provider value={page}>
      <App />
    </PageContext.Provider>,
    root,
  );
}

/** The page is going away: nothing may stay open, even if the browser keeps it for “back”. */
function close(): void {
  if (state.phase.peek() !== 'lobby') call.leave();
  render(null, root);
  resources.closeAll();
  scope = null;
}

/** The server's configuration, requested once. Rejects while the server does not answer. */
async function loadConfig(): Promise<PageConfig> {
  if (!configured) {
    server.value = { ...server.peek(), config: await readConfig() };
    configured = true;
  }
  return server.peek().config;
}

async function refreshServer(): Promise<void> {
  if (document.hidden || state.phase.peek() === 'call') return;
  try {
    await loadConfig();
    server.value = { ...server.peek(), status: await readStatus(), reachable: true };
  } catch {
    server.value = { ...server.peek(), reachable: false };
  }
}

open();
window.addEventListener('pageshow', () => {
  if (!scope) open();
});
