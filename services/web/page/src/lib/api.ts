/** The routes of the server. */

export interface Grant {
  url: string;
  token: string;
  ticket: string;
  room: string;
  identity: string;
}

export interface PageConfig {
  title: string;
  livekit_url: string;
  access_key: boolean;
  tokens: boolean;
}

export interface AgentStatus {
  ready: boolean | null;
  busy: boolean | null;
  rooms: number | null;
  capacity: number | null;
  notices: string[];
  agents: OfferedAgent[];
}

export interface OfferedAgent {
  name: string;
  title: string;
}

export interface DispatchAnswer {
  state: 'present' | 'dispatched' | 'waiting' | 'ended';
  retry_after_seconds: number;
}

export const DEFAULT_CONFIG: PageConfig = {
  title: 'Voice agent',
  livekit_url: '',
  access_key: false,
  tokens: true,
};

const TIMEOUT_MS = 8000;

/** A refusal by the server, or code `unreachable` when it did not answer. */
export class ApiFailure extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly retryAfterSeconds: number | null = null,
  ) {
    super(message);
  }
}

export function requestToken(
  body: { room?: string; name?: string; agent?: string },
  accessKey: string,
): Promise<Grant> {
  return request<Grant>('/api/token', body, accessKey);
}

export function requestDispatch(
  ticket: string,
  unresponsive: string | undefined,
): Promise<DispatchAnswer> {
  return request<DispatchAnswer>('/api/dispatch', { token: ticket, unresponsive });
}

export function readStatus(): Promise<AgentStatus> {
  return request<AgentStatus>('/api/status');
}

export function readConfig(): Promise<PageConfig> {
  return request<PageConfig>('/api/config');
}

async function request<Answer>(path: string, body?: object, accessKey = ''): Promise<Answer> {
  const headers: Record<string, string> = {};
  if (body) headers['Content-Type'] = 'application/json';
  if (accessKey) headers.Authorization = `Bearer ${accessKey}`;
  let response: Response;
  let answer: unknown;
  try {
    response = await fetch(path, {
      method: body ? 'POST' : 'GET',
      headers,
      body: body ? JSON.stringify(body) : null,
      cache: 'no-store',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    answer = await response.json();
  } catch {
    throw new ApiFailure('unreachable', 'The server does not answer.');
  }
  if (response.ok) return answer as Answer;
  const error = (
    answer as { error?: { code?: string; message?: string; retry_after_seconds?: number } }
  ).error;
  throw new ApiFailure(
    error?.code ?? `http_${response.status}`,
    error?.message ?? `The server refused with status ${response.status}.`,
    error?.retry_after_seconds ?? null,
  );
}
