/** What every component may use: the call, its state, the server's, the resources. */

import type { Signal } from '@preact/signals';
import { createContext } from 'preact';
import { useContext, useEffect, useRef } from 'preact/hooks';

import type { Call } from '../call/call';
import type { Invitation } from '../call/invitation';
import type { AgentStatus, PageConfig } from '../lib/api';
import type { ResourceRegistry, Scope } from '../lib/resources';
import type { CallState } from './call-state';

export interface ServerState {
  config: PageConfig;
  status: AgentStatus | null;
  /** False while the server does not answer. */
  reachable: boolean;
}

export interface Page {
  call: Call;
  state: CallState;
  server: Signal<ServerState>;
  resources: ResourceRegistry;
  invitation: Invitation;
}

export const PageContext = createContext<Page | null>(null);

export function usePage(): Page {
  const page = useContext(PageContext);
  if (!page) throw new Error('no page around this component');
  return page;
}

/** Resources that live as long as a component, or until `keys` change. */
export function useScope(name: string, open: (scope: Scope) => void, keys: unknown[]): void {
  const { resources } = usePage();
  const latest = useRef(open);
  latest.current = open;
  useEffect(() => {
    const scope = resources.scope(name);
    latest.current(scope);
    return () => scope.close();
  }, [resources, name, ...keys]);
}
