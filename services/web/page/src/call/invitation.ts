/** What the page's address invites to: a room, or whatever a token opens. */

export interface Invitation {
  /** The room that is named in the address, or in the token. */
  readonly room: string;
  /** Of the owner's identity service; used only where the server gives out no tokens itself. */
  readonly token: string;
}

/** `?room=` invites to a room; `#token=` comes from an identity service and is not left in view. */
export function readInvitation(): Invitation {
  const room = new URLSearchParams(location.search).get('room')?.trim() ?? '';
  const token = new URLSearchParams(location.hash.slice(1)).get('token') ?? '';
  if (token) history.replaceState(null, '', location.pathname + location.search);
  return { room, token };
}

/** The room that a token opens, as the token itself says; empty where it cannot be read. */
export function roomOf(token: string): string {
  try {
    const claims = (token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/');
    const bytes = Uint8Array.from(atob(claims), (character) => character.charCodeAt(0));
    const room: unknown = JSON.parse(new TextDecoder().decode(bytes))?.video?.room;
    return typeof room === 'string' ? room : '';
  } catch {
    return '';
  }
}
