/** The invitation in the page's address: a room, or a token that opens one. */

export interface Invitation {
  /** The room named in the address. */
  readonly room: string;
  /** From the owner's identity service; used only where the server issues no tokens itself. */
  readonly token: string;
}

/** Read `?room=`, and `#token=`, which is removed from the address. */
export function readInvitation(): Invitation {
  const room = new URLSearchParams(location.search).get('room')?.trim() ?? '';
  const token = new URLSearchParams(location.hash.slice(1)).get('token') ?? '';
  if (token) history.replaceState(null, '', location.pathname + location.search);
  return { room, token };
}

/** The room that a token opens, empty where the token cannot be read. */
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
