/** Notices about failures, each with a next step. */

import { ConnectionError, ConnectionErrorReason } from 'livekit-client';

import { ApiFailure } from '../lib/api';
import type { Notice } from './notices';

/** The action of the button beside a notice. */
type Run = () => void;

export const INSECURE_ORIGIN: Notice = {
  key: 'microphone',
  tone: 'warning',
  text:
    'This page was loaded over plain http, and browsers allow the microphone only on https or localhost. ' +
    'You can join and type; to speak, open the page at its https address or on the server itself.',
};

export function soundBlocked(enable: Run): Notice {
  return {
    key: 'sound',
    tone: 'warning',
    text: 'Your browser is blocking sound until you allow it.',
    remedy: { label: 'Turn on sound', run: enable },
  };
}

export function silentMicrophone(choose: Run): Notice {
  return {
    key: 'silence',
    tone: 'warning',
    text: 'No sound is coming from your microphone. Is it switched off, or should you use another one?',
    remedy: { label: 'Choose a microphone', run: choose },
    dismissible: true,
  };
}

export function microphoneUnplugged(retry: Run): Notice {
  return {
    key: 'microphone',
    tone: 'error',
    text: 'Your microphone was disconnected; it may have been unplugged. You can type meanwhile.',
    remedy: { label: 'Use another', run: retry },
  };
}

export function microphoneUnheard(retry: Run): Notice {
  return {
    key: 'microphone',
    tone: 'error',
    text: 'Your microphone is open, but its sound does not reach the room. You can type meanwhile.',
    remedy: { label: 'Try again', run: retry },
  };
}

export const RECONNECTING: Notice = {
  key: 'connection',
  tone: 'warning',
  text: 'The connection was lost. Reconnecting; you do not need to do anything.',
};

export function joiningAgain(retry: Run): Notice {
  return {
    key: 'connection',
    tone: 'warning',
    text: 'The connection was lost. Joining again; you do not need to do anything.',
    remedy: { label: 'Try now', run: retry },
  };
}

const ABSENCES = {
  busy: 'All agents are busy. Retrying until one is free; you do not need to do anything.',
  unknown: 'All agents are busy, or none is running. Retrying until one is free.',
  absent: 'No agent is running right now. Retrying until one starts.',
  lost: 'The agent stopped answering. Another one is on its way; you do not need to do anything.',
};

/** Why no agent answers. */
export function absenceNotice(absence: keyof typeof ABSENCES, retry: Run): Notice {
  return {
    key: 'agent',
    tone: 'warning',
    text: ABSENCES[absence],
    remedy: { label: 'Try now', run: retry },
  };
}

/** Shown for a moment: a new agent often joins before the caller could read about the loss. */
export const TAKEN_OVER: Notice = {
  key: 'agent',
  tone: 'info',
  text: 'The agent stopped answering. Another one has taken over.',
};

const REFUSED_TOKEN =
  'The media server did not accept your token: it has expired, or the owner should check the API ' +
  'key and the clocks. Join again from the page that brought you here.';
const UNREACHABLE_SERVER = 'The server does not answer. Trying again until it does.';

const BLOCKED =
  'The microphone is blocked for this page. Allow it in the address bar, then try again; ' +
  'you can type meanwhile.';
const MISSING = 'No microphone was found. Connect one, then try again; you can type meanwhile.';
const IN_USE =
  'The microphone is in use by another program or does not start. Close that program, then try ' +
  'again; you can type meanwhile.';
const MICROPHONE_ERRORS: Record<string, string> = {
  NotAllowedError: BLOCKED,
  SecurityError: BLOCKED,
  NotFoundError: MISSING,
  OverconstrainedError: MISSING,
  NotReadableError: IN_USE,
  AbortError: IN_USE,
};

/** Why the microphone cannot be used. */
export function microphoneNotice(error: unknown, retry: Run): Notice {
  const name = error instanceof DOMException ? error.name : '';
  return {
    key: 'microphone',
    tone: 'warning',
    text:
      MICROPHONE_ERRORS[name] ??
      'The microphone could not be opened. Try again, or type meanwhile.',
    remedy: { label: 'Try again', run: retry },
  };
}

/** Refusals by the server that may pass by themselves. */
const PASSING = ['unreachable', 'rate_limited', 'internal', 'livekit_unreachable'];

/** Why joining failed; `passes` says that another attempt may succeed. */
export function joinFailure(
  error: unknown,
  livekitUrl: string,
  retry: Run,
): { notice: Notice; passes: boolean } {
  const failed = { key: 'connection', tone: 'error' } as const;
  const remedy = { label: 'Try now', run: retry };
  if (error instanceof ApiFailure) {
    const passes = PASSING.includes(error.code);
    return error.code === 'unreachable'
      ? { passes, notice: { ...failed, text: UNREACHABLE_SERVER, remedy } }
      : { passes, notice: { ...failed, text: error.message } };
  }
  if (error instanceof ConnectionError && error.reason === ConnectionErrorReason.NotAllowed) {
    return { passes: false, notice: { ...failed, text: REFUSED_TOKEN } };
  }
  const text = pointsToItself(livekitUrl)
    ? `The media server is announced as ${livekitUrl}, which from here is your own machine. ` +
      'The owner has to set LIVEKIT_PUBLIC_URL to an address that you can reach.'
    : `The media server at ${livekitUrl || 'its address'} cannot be reached. Trying again.`;
  return { passes: true, notice: { ...failed, text, remedy } };
}

function pointsToItself(livekitUrl: string): boolean {
  const isLoopback = (host: string) => /^(localhost|127\.|\[::1\])/.test(host);
  try {
    return isLoopback(new URL(livekitUrl).hostname) && !isLoopback(location.hostname);
  } catch {
    return false;
  }
}
