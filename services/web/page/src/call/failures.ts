/** What went wrong, in a sentence with a next step. */

import { ConnectionError, ConnectionErrorReason } from 'livekit-client';

import { ApiFailure } from '../lib/api';

export type Tone = 'info' | 'warning' | 'error';

/** What the button beside a sentence does. */
export type Remedy =
  | 'retry-microphone'
  | 'retry-now'
  | 'enable-sound'
  | 'rejoin'
  | 'choose-microphone';

export interface Notice {
  /** Notices of one key replace each other. */
  key: string;
  tone: Tone;
  text: string;
  remedy?: { label: string; does: Remedy };
  dismissible?: boolean;
}

export const INSECURE_ORIGIN: Notice = {
  key: 'microphone',
  tone: 'warning',
  text:
    'This page came over plain http, and browsers give the microphone only to https or localhost. ' +
    'You can join and type; to speak, open the page at its https address or on the server itself.',
};

export const SOUND_BLOCKED: Notice = {
  key: 'sound',
  tone: 'warning',
  text: 'Your browser holds the sound back until you allow it.',
  remedy: { label: 'Turn on sound', does: 'enable-sound' },
};

export const SILENT_MICROPHONE: Notice = {
  key: 'silence',
  tone: 'warning',
  text: 'Nothing comes from your microphone. Is it switched off, or is another one the right one?',
  remedy: { label: 'Choose a microphone', does: 'choose-microphone' },
  dismissible: true,
};

export const MICROPHONE_UNPLUGGED: Notice = {
  key: 'microphone',
  tone: 'error',
  text: 'Your microphone is gone; it may have been unplugged. You can type meanwhile.',
  remedy: { label: 'Use another', does: 'retry-microphone' },
};

export const MICROPHONE_UNHEARD: Notice = {
  key: 'microphone',
  tone: 'error',
  text: 'Your microphone is open, but its sound does not reach the room. You can type meanwhile.',
  remedy: { label: 'Try again', does: 'retry-microphone' },
};

export const RECONNECTING: Notice = {
  key: 'connection',
  tone: 'warning',
  text: 'The connection was lost. Reconnecting; you need not do anything.',
};

export const JOINING_AGAIN: Notice = {
  key: 'connection',
  tone: 'warning',
  text: 'The connection was lost. Joining again; you need not do anything.',
  remedy: { label: 'Try now', does: 'retry-now' },
};

const ABSENCES = {
  busy: 'All agents are busy. Retrying until one is free; you need not do anything.',
  unknown: 'All agents are busy, or none is running. Retrying until one is free.',
  absent: 'No agent is running right now. Retrying until one is there.',
  lost: 'The agent stopped answering. Another one is asked for; you need not do anything.',
};

/** Why nobody answers. */
export function absenceNotice(absence: keyof typeof ABSENCES): Notice {
  return {
    key: 'agent',
    tone: 'warning',
    text: ABSENCES[absence],
    remedy: { label: 'Try now', does: 'retry-now' },
  };
}

/** Shown for a moment: a new agent is often there before the news of the loss could be read. */
export const TAKEN_OVER: Notice = {
  key: 'agent',
  tone: 'info',
  text: 'The agent stopped answering. Another one has taken over.',
};

const REFUSED_TOKEN: Notice = {
  key: 'connection',
  tone: 'error',
  text:
    'The media server did not accept your token: it has run out, or the owner should check the ' +
    'API key and the clocks. Join again from the page that brought you here.',
};

/** Why the microphone cannot be used. */
export function microphoneNotice(error: unknown): Notice {
  const name = error instanceof DOMException ? error.name : '';
  const retry = { label: 'Try again', does: 'retry-microphone' } as const;
  switch (name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return {
        key: 'microphone',
        tone: 'warning',
        text:
          'The microphone is blocked for this page. Allow it in the address bar, then try again; ' +
          'you can type meanwhile.',
        remedy: retry,
      };
    case 'NotFoundError':
    case 'OverconstrainedError':
      return {
        key: 'microphone',
        tone: 'warning',
        text: 'No microphone was found. Connect one, then try again; you can type meanwhile.',
        remedy: retry,
      };
    case 'NotReadableError':
    case 'AbortError':
      return {
        key: 'microphone',
        tone: 'warning',
        text:
          'The microphone is in use by another program or does not start. Close that program, ' +
          'then try again; you can type meanwhile.',
        remedy: retry,
      };
    default:
      return {
        key: 'microphone',
        tone: 'warning',
        text: 'The microphone could not be opened. Try again, or type meanwhile.',
        remedy: retry,
      };
  }
}

/** Why joining failed, and whether another attempt may succeed without the caller. */
export function joinFailure(error: unknown, livekitUrl: string): { notice: Notice; retry: boolean } {
  const retryNow = { label: 'Try now', does: 'retry-now' } as const;
  if (error instanceof ApiFailure) {
    if (error.code === 'unreachable') {
      return {
        retry: true,
        notice: {
          key: 'connection',
          tone: 'error',
          text: 'The server does not answer. It is asked again until it does.',
          remedy: retryNow,
        },
      };
    }
    const retry = ['rate_limited', 'internal', 'livekit_unreachable'].includes(error.code);
    return { retry, notice: { key: 'connection', tone: 'error', text: error.message } };
  }
  if (error instanceof ConnectionError && error.reason === ConnectionErrorReason.NotAllowed) {
    return { retry: false, notice: REFUSED_TOKEN };
  }
  if (pointsToItself(livekitUrl)) {
    return {
      retry: true,
      notice: {
        key: 'connection',
        tone: 'error',
        text:
          `The media server is announced as ${livekitUrl}, which from here is your own machine. ` +
          'The owner has to set LIVEKIT_PUBLIC_URL to an address that you can reach.',
        remedy: retryNow,
      },
    };
  }
  return {
    retry: true,
    notice: {
      key: 'connection',
      tone: 'error',
      text: `The media server at ${livekitUrl || 'its address'} cannot be reached. It is tried again.`,
      remedy: retryNow,
    },
  };
}

function pointsToItself(livekitUrl: string): boolean {
  const isLoopback = (host: string) => /^(localhost|127\.|\[::1\])/.test(host);
  try {
    return isLoopback(new URL(livekitUrl).hostname) && !isLoopback(location.hostname);
  } catch {
    return false;
  }
}
