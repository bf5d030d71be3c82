/** Puts the page together and shows it. */

import { LogLevel, setLogLevel } from 'livekit-client';
import { render } from 'preact';

import { DEFAULT_CONFIG, readConfig, readStatus, type PageConfig } from './lib/api';
import { Call } from './call/call';
import { PageContext, type Page, type ServerState } from './state/context';
import { readInvitation } from './call/invitation';
import { loadPreferences } from './state/preferences';
import { ResourceRegistry, type Scope } from './lib/resources';
import { INITIAL_CALL, type CallState } from './state/state';
import { Store } from './state/store';
import { App } from './ui/app';
import { randomUuid } from './lib/uuid';

const STATUS_EVERY_MS = 10_000;

// Over plain http browsers hide this one function, without which livekit-client sends no text.
crypto.randomUUID ??= randomUuid;
setLogLevel(LogLevel.warn);
const resources = new ResourceRegistry();
const preferences = loadPreferences();
const server = new Store<ServerState>({ config: DEFAULT_CONFIG, status: null, reachable: true });
const callStore = new Store<CallState>({
  ...INITIAL_CALL,
  name: preferences.state.name,
  microphoneId: preferences.state.microphoneId,
  speakerId: preferences.state.speakerId,
});
const call = new Call(callStore, resources, loadConfig);
const page: Page = {
  call,
  callStore,
  preferences,
  server,
  resources,
  invitation: readInvitation(),
};

let scope: Scope | null = null;
let configured = false;

function open(): void {
  scope = resources.scope('page');
  resources.startSweeping();
  scope.listen(window, 'pagehide', close);
  scope.listen(document, 'visibilitychange', () => void refreshServer());
  scope.interval('server status', STATUS_EVERY_MS, () => void refreshServer());
  void refreshServer();
}

/** The page goes away: nothing may stay open, also when the browser keeps it for “back”. */
function close(): void {
  if (callStore.state.phase !== 'lobby') call.leave();
  resources.releaseAll();
  scope = null;
}

/** The server's configuration, asked for once. Rejects while the server does not answer. */
async function loadConfig(): Promise<PageConfig> {
  if (!configured) {
    server.set({ config: await readConfig() });
    configured = true;
    document.title = server.state.config.title;
  }
  return server.state.config;
}

async function refreshServer(): Promise<void> {
  if (document.hidden || callStore.state.phase === 'call') return;
  try {
    await loadConfig();
    server.set({ status: await readStatus(), reachable: true });
  } catch {
    server.set({ reachable: false });
  }
}

open();
window.addEventListener('pageshow', () => {
  if (!scope) open();
});
const root = document.getElementById('page');
if (root) {
  render(
    <PageContext.Provider value={page}>
      <App />
    </PageContext.Provider>,
    root,
  );
}
