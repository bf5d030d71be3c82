/** A value that is replaced, never changed, and tells who watches it. */

import { useEffect, useReducer, useRef } from 'preact/hooks';

export class Store<State extends object> {
  #state: State;
  readonly #watchers = new Set<() => void>();

  constructor(initial: State) {
    this.#state = initial;
  }

  get state(): State {
    return this.#state;
  }

  /** Replace some fields; watchers are told only when one of them differs. */
  set(change: Partial<State>): void {
    const keys = Object.keys(change) as (keyof State)[];
    if (keys.every((key) => Object.is(this.#state[key], change[key]))) return;
    this.#state = { ...this.#state, ...change };
    for (const watcher of [...this.#watchers]) watcher();
  }

  watch(changed: () => void): () => void {
    this.#watchers.add(changed);
    return () => this.#watchers.delete(changed);
  }
}

/** The part of a store that a component shows; it renders again when that part differs. */
export function useStore<State extends object, Part>(
  store: Store<State>,
  select: (state: State) => Part,
): Part {
  const [, render] = useReducer((count: number, _: void) => count + 1, 0);
  const part = select(store.state);
  const shown = useRef(part);
  const latest = useRef(select);
  shown.current = part;
  latest.current = select;
  useEffect(() => {
    const check = () => {
      if (!Object.is(latest.current(store.state), shown.current)) render();
    };
    check();
    return store.watch(check);
  }, [store]);
  return part;
}
