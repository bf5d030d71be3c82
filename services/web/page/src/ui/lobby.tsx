/** Before the call: join with one click, or check the microphone and choose a room first. */

import { useEffect, useState } from 'preact/hooks';
import { INSECURE_ORIGIN } from '../call/failures';
import { type Invitation, roomOf } from '../call/invitation';
import type { Notice } from '../call/notices';
import { DEFAULT_CONFIG } from '../lib/api';
import { Microphone } from '../media/microphone';
import { type ServerState, usePage } from '../state/context';
import { prefer, preferences } from '../state/preferences';
import { DeviceChoice } from './devices';
import { Icon } from './icons';
import { Notes } from './notes';
import { Notices } from './notices';
import { Visualiser } from './visualiser';

const KEY_STORE = 'voice-agent-key';

export function Lobby() {
  const { call, state, server, invitation } = usePage();
  const { config, status } = server.value;
  const refusal = state.refusal.value;
  const [name, setName] = useState(preferences.peek().name);
  const [room, setRoom] = useState(state.room.peek() || invitation.room);
  const [accessKey, setAccessKey] = useState(() => storedKey());
  const [heard, setHeard] = useState(false);
  const [wantsOptions, setWantsOptions] = useState(false);
  const showsOptions = wantsOptions || refusal?.code === 'bad_room' || refusal?.code === 'bad_name';
  useEffect(() => () => call.closeMicrophone(), [call]);

  const token = config.tokens ? '' : invitation.token;
  const invitedTo = token ? roomOf(token) : invitation.room;

  const join = (event: Event) => {
    event.preventDefault();
    prefer({ name: name.trim() });
    storeKey(accessKey);
    void call.join({ name: name.trim(), room: room.trim(), accessKey, token: invitation.token });
  };

  return (
    <div class="lobby">
      <div class="presence">
        <Visualiser />
      </div>
      <form class="welcome" onSubmit={join} aria-labelledby="greeting">
        <h1 id="greeting">Talk with {agentName(config.title)}</h1>
        <p class="lead">
          {invitedTo ? (
            <>
              You are invited to the room “<bdi>{invitedTo}</bdi>”.
            </>
          ) : (
            'Join and speak; it listens, answers, and lets you interrupt.'
          )}
        </p>
        <Notices notices={[...state.notices.shown, ...lobbyNotices(server.value, invitation)]} />
        {config.access_key && (
          <label class="field">
            Access key
            <input
              type="password"
              autocomplete="current-password"
              required
              value={accessKey}
              aria-invalid={refusal?.code === 'access_key'}
              onInput={(event) => setAccessKey(event.currentTarget.value)}
            />
          </label>
        )}
        {refusal && (
          <p class="refusal" role="alert">
            {refusal.text}
          </p>
        )}
        <button type="submit" class="primary">
          <Icon name="phone" />
          Join
        </button>
        <div class="more">
          {state.hasMicrophone.value ? (
            <fieldset>
              <legend>Microphone check</legend>
              <DeviceChoice speaker={false} onHeard={() => setHeard(true)} />
              <p class="hint" role="status">
                {heard ? 'You can be heard.' : 'Say something; the bar should move.'}
              </p>
            </fieldset>
          ) : (
            <button
              type="button"
              class="plain"
              disabled={!Microphone.possible}
              onClick={() => void call.openMicrophone()}
            >
              <Icon name="mic" />
              Check microphone
            </button>
          )}
          <button
            type="button"
            class="plain"
            aria-expanded={showsOptions}
            aria-controls="options"
            onClick={() => setWantsOptions(!showsOptions)}
          >
            <Icon name="settings" />
            Name and room
          </button>
          <div id="options" hidden={!showsOptions}>
            <label class="field">
              Your name <span class="optional">optional</span>
              <input
                maxLength={64}
                autocomplete="nickname"
                value={name}
                aria-invalid={refusal?.code === 'bad_name'}
                onInput={(event) => setName(event.currentTarget.value)}
              />
            </label>
            <label class="field">
              Room <span class="optional">optional; a new one is made otherwise</span>
              <input
                maxLength={64}
                autocomplete="off"
                value={room}
                aria-invalid={refusal?.code === 'bad_room'}
                onInput={(event) => setRoom(event.currentTarget.value)}
              />
            </label>
          </div>
        </div>
        <Notes notes={status?.notices ?? []} />
      </form>
    </div>
  );
}

/** The agent's name in a sentence: the default title reads better with an article. */
export function agentName(title: string): string {
  return title === DEFAULT_CONFIG.title ? `the ${title.toLowerCase()}` : title;
}

function lobbyNotices(server: ServerState, invitation: Invitation): Notice[] {
  const { reachable, status } = server;
  const { tokens } = server.config;
  const notices: Notice[] = [];
  if (!reachable) {
    const text = 'The server does not answer. Check that it runs; the page keeps trying.';
    notices.push({ key: 'server', tone: 'error', text });
  }
  if (!window.isSecureContext) notices.push(INSECURE_ORIGIN);
  if (!tokens && !invitation.token) {
    const text = 'This server issues no tokens; open the link from your own sign-in page.';
    notices.push({ key: 'tokens', tone: 'warning', text });
  } else if (!tokens && !roomOf(invitation.token)) {
    const text =
      'The token in this link names no room; open the link from your sign-in page again.';
    notices.push({ key: 'tokens', tone: 'warning', text });
  } else if (tokens && invitation.token) {
    const text = 'The token in this link is not used: this server issues its own.';
    notices.push({ key: 'tokens', tone: 'warning', text });
  }
  if (status?.busy) {
    const text = 'All agents are busy at the moment. Join to wait for a free one.';
    notices.push({ key: 'busy', tone: 'warning', text });
  } else if (status?.ready === false) {
    const text = 'No agent is ready yet. Join to wait for it.';
    notices.push({ key: 'busy', tone: 'warning', text });
  }
  return notices;
}

function storedKey(): string {
  try {
    return sessionStorage.getItem(KEY_STORE) ?? '';
  } catch {
    return '';
  }
}

function storeKey(key: string): void {
  try {
    if (key) sessionStorage.setItem(KEY_STORE, key);
  } catch {
    // Without storage the caller enters the key again on the next visit.
  }
}
