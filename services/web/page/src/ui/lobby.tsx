/** Before the call: join with one click, or check the microphone and choose a room first. */

import { useEffect, useState } from 'preact/hooks';
import { INSECURE_ORIGIN } from '../call/failures';
import { type Invitation, roomOf } from '../call/invitation';
import type { Notice } from '../call/notices';
import { DEFAULT_CONFIG } from '../lib/api';
import { Microphone } from '../media/microphone';
import { type ServerState, usePage } from '../state/context';
import { said, words } from '../state/language';
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
  const page = words();
  const refusal = state.refusal.value;
  const [name, setName] = useState(preferences.peek().name);
  const [room, setRoom] = useState(state.room.peek() || invitation.room);
  const [accessKey, setAccessKey] = useState(() => storedKey());
  const [agent, setAgent] = useState('');
  const [heard, setHeard] = useState(false);
  const [wantsOptions, setWantsOptions] = useState(false);
  const showsOptions = wantsOptions || refusal?.code === 'bad_room' || refusal?.code === 'bad_name';
  useEffect(() => () => call.closeMicrophone(), [call]);

  const agents = status?.agents ?? [];
  const token = config.tokens ? '' : invitation.token;
  const invitedTo = token ? roomOf(token) : invitation.room;

  const join = (event: Event) => {
    event.preventDefault();
    prefer({ name: name.trim() });
    storeKey(accessKey);
    void call.join({
      name: name.trim(),
      room: room.trim(),
      agent,
      accessKey,
      token: invitation.token,
    });
  };

  return (
    <div class="lobby">
      <div class="presence">
        <Visualiser />
      </div>
      <form class="welcome" onSubmit={join} aria-labelledby="greeting">
        <h1 id="greeting">{titled(config.title, page.talkWithAgent, page.talkWith)}</h1>
        <p class="lead">
          {invitedTo ? (
            <>
              {page.invitedBefore}
              <bdi>{invitedTo}</bdi>
              {page.invitedAfter}
            </>
          ) : (
            page.lead
          )}
        </p>
        <Notices notices={[...state.notices.shown, ...lobbyNotices(server.value, invitation)]} />
        {config.access_key && (
          <label class="field">
            {page.accessKey}
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
        {config.tokens && agents.length > 0 && (
          <label class="field">
            {page.chosenAgent}
            <select value={agent} onChange={(event) => setAgent(event.currentTarget.value)}>
              <option value="">{page.anyAgent}</option>
              {agents.map((offered) => (
                <option key={offered.name} value={offered.name}>
                  {offered.title}
                </option>
              ))}
            </select>
          </label>
        )}
        {refusal && (
          <p class="refusal" role="alert">
            {said(refusal.text)}
          </p>
        )}
        <button type="submit" class="primary">
          <Icon name="phone" />
          {page.join}
        </button>
        <div class="more">
          {state.hasMicrophone.value ? (
            <fieldset>
              <legend>{page.microphoneCheck}</legend>
              <DeviceChoice speaker={false} onHeard={() => setHeard(true)} />
              <p class="hint" role="status">
                {heard ? page.canBeHeard : page.saySomething}
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
              {page.checkMicrophone}
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
            {page.nameAndRoom}
          </button>
          <div id="options" hidden={!showsOptions}>
            <label class="field">
              {page.yourName} <span class="optional">{page.nameOptional}</span>
              <input
                maxLength={64}
                autocomplete="nickname"
                value={name}
                aria-invalid={refusal?.code === 'bad_name'}
                onInput={(event) => setName(event.currentTarget.value)}
              />
            </label>
            <label class="field">
              {page.room} <span class="optional">{page.roomOptional}</span>
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

/** A sentence with the agent's name: the one for `unnamed` where it has the default title. */
export function titled(title: string, unnamed: string, named: (name: string) => string): string {
  return title === DEFAULT_CONFIG.title ? unnamed : named(title);
}

function lobbyNotices(server: ServerState, invitation: Invitation): Notice[] {
  const { reachable, status } = server;
  const { tokens } = server.config;
  const page = words();
  const notices: Notice[] = [];
  if (!reachable) {
    notices.push({ key: 'server', tone: 'error', text: page.serverSilent });
  }
  if (!window.isSecureContext) notices.push(INSECURE_ORIGIN);
  if (!tokens && !invitation.token) {
    notices.push({ key: 'tokens', tone: 'warning', text: page.noTokens });
  } else if (!tokens && !roomOf(invitation.token)) {
    notices.push({ key: 'tokens', tone: 'warning', text: page.tokenWithoutRoom });
  } else if (tokens && invitation.token) {
    notices.push({ key: 'tokens', tone: 'warning', text: page.tokenUnused });
  }
  if (status?.busy) {
    notices.push({ key: 'busy', tone: 'warning', text: page.joinWhileBusy });
  } else if (status?.ready === false) {
    notices.push({ key: 'busy', tone: 'warning', text: page.joinWhileAbsent });
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
