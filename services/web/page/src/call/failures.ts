/** Notices about failures, each with a next step. */

import { ConnectionError, ConnectionErrorReason } from 'livekit-client';

import { ApiFailure } from '../lib/api';
import { type Phrase, words } from '../state/language';
import type { Notice } from './notices';

/** The action of the button beside a notice. */
type Run = () => void;

export const INSECURE_ORIGIN: Notice = {
  key: 'microphone',
  tone: 'warning',
  text: () => words().insecureOrigin,
};

export function soundBlocked(enable: Run): Notice {
  return {
    key: 'sound',
    tone: 'warning',
    text: () => words().soundBlocked,
    remedy: { label: () => words().turnOnSound, run: enable },
  };
}

export function silentMicrophone(choose: Run): Notice {
  return {
    key: 'silence',
    tone: 'warning',
    text: () => words().microphoneSilent,
    remedy: { label: () => words().chooseMicrophone, run: choose },
    dismissible: true,
  };
}

export function microphoneUnplugged(retry: Run): Notice {
  return {
    key: 'microphone',
    tone: 'error',
    text: () => words().microphoneUnplugged,
    remedy: { label: () => words().useAnother, run: retry },
  };
}

export function microphoneUnheard(retry: Run): Notice {
  return {
    key: 'microphone',
    tone: 'error',
    text: () => words().microphoneUnheard,
    remedy: { label: () => words().tryAgain, run: retry },
  };
}

export const RECONNECTING: Notice = {
  key: 'connection',
  tone: 'warning',
  text: () => words().connectionLost,
};

export function joiningAgain(retry: Run): Notice {
  return {
    key: 'connection',
    tone: 'warning',
    text: () => words().joiningAgain,
    remedy: { label: () => words().tryNow, run: retry },
  };
}

const ABSENCES = {
  busy: 'agentsBusy',
  unknown: 'agentsBusyOrAbsent',
  absent: 'agentAbsent',
  lost: 'agentLost',
} as const;

/** Why no agent answers. */
export function absenceNotice(absence: keyof typeof ABSENCES, retry: Run): Notice {
  return {
    key: 'agent',
    tone: 'warning',
    text: () => words()[ABSENCES[absence]],
    remedy: { label: () => words().tryNow, run: retry },
  };
}

/** Shown for a moment: a new agent often joins before the caller could read about the loss. */
export const TAKEN_OVER: Notice = {
  key: 'agent',
  tone: 'info',
  text: () => words().takenOver,
};

const MICROPHONE_ERRORS = {
  NotAllowedError: 'microphoneBlocked',
  SecurityError: 'microphoneBlocked',
  NotFoundError: 'microphoneMissing',
  OverconstrainedError: 'microphoneMissing',
  NotReadableError: 'microphoneInUse',
  AbortError: 'microphoneInUse',
} as const;
const isKnown = (name: string): name is keyof typeof MICROPHONE_ERRORS =>
  Object.hasOwn(MICROPHONE_ERRORS, name);

/** Why the microphone cannot be used. */
export function microphoneNotice(error: unknown, retry: Run): Notice {
  const name = error instanceof DOMException ? error.name : '';
  return {
    key: 'microphone',
    tone: 'warning',
    text: () => words()[isKnown(name) ? MICROPHONE_ERRORS[name] : 'microphoneFailed'],
    remedy: { label: () => words().tryAgain, run: retry },
  };
}

/** Refusals by the server that may pass by themselves. */
const PASSING = ['unreachable', 'rate_limited', 'internal', 'livekit_unreachable'];

/** What a refusal of the server says, where possible in the page's language. */
export function refusalText({ code, message }: ApiFailure): Phrase {
  return () => words().refusals[code] ?? message;
}

/** Why joining failed; `passes` says that another attempt may succeed. */
export function joinFailure(
  error: unknown,
  livekitUrl: string,
  retry: Run,
): { notice: Notice; passes: boolean } {
  const failed = { key: 'connection', tone: 'error' } as const;
  const remedy = { label: () => words().tryNow, run: retry };
  if (error instanceof ApiFailure) {
    const passes = PASSING.includes(error.code);
    return error.code === 'unreachable'
      ? { passes, notice: { ...failed, text: () => words().serverUnreachable, remedy } }
      : { passes, notice: { ...failed, text: refusalText(error) } };
  }
  if (error instanceof ConnectionError && error.reason === ConnectionErrorReason.NotAllowed) {
    return { passes: false, notice: { ...failed, text: () => words().tokenRefused } };
  }
  const text = pointsToItself(livekitUrl)
    ? () => words().mediaServerIsLocal(livekitUrl)
    : () => words().mediaServerUnreachable(livekitUrl);
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
