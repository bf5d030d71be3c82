/** What opens a room: a token from this server, or one from the owner's identity service. */

import { type Grant, type PageConfig, requestToken } from '../lib/api';
import { roomOf } from './invitation';

export interface JoinRequest {
  readonly name: string;
  /** Empty for a new room. */
  readonly room: string;
  /** By name; empty for the one that answers by default. */
  readonly agent: string;
  readonly accessKey: string;
  /** From the identity service; used only where the server issues no tokens itself. */
  readonly token: string;
}

export async function requestGrant(request: JoinRequest, config: PageConfig): Promise<Grant> {
  const { token, room, name, agent, accessKey } = request;
  if (token && !config.tokens) {
    return { url: config.livekit_url, token, ticket: token, room: roomOf(token), identity: '' };
  }
  return requestToken(
    { ...(room ? { room } : {}), ...(name ? { name } : {}), ...(agent ? { agent } : {}) },
    accessKey,
  );
}
