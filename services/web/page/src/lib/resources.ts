/** The one place that owns what a browser does not collect by itself. */

export type Kind =
  | 'audio-context'
  | 'media-stream'
  | 'meter'
  | 'room'
  | 'media-element'
  | 'object-url'
  | 'timer'
  | 'frame-loop'
  | 'wake-lock'
  | 'listener';

export interface Resource {
  readonly id: number;
  readonly kind: Kind;
  readonly label: string;
  readonly scope: string;
  readonly openedAt: number;
}

interface Entry extends Resource {
  readonly owner: Scope;
  readonly release: () => void;
  /** True once the thing is of no use any more although nobody gave it back. */
  readonly isOrphan: () => boolean;
}

/** Gives one resource back; calling it again does nothing. */
export type Release = () => void;

export const SWEEP_INTERVAL_MS = 30_000;

const never = () => false;

/** Every open resource, by scope. Scopes are closed by those who opened them; a sweep takes the rest. */
export class ResourceRegistry {
  readonly #entries = new Map<number, Entry>();
  readonly #watchers = new Set<() => void>();
  #nextId = 1;
  #sweeper: number | undefined;
  /** Orphans that sweeps had to take since the page was opened; above zero it is a fault of ours. */
  swept = 0;

  scope(name: string): Scope {
    return new Scope(this, name);
  }

  list(): readonly Resource[] {
    return [...this.#entries.values()];
  }

  /** Release what belongs to a closed scope or says of itself that it is dead. */
  sweep(): number {
    let found = 0;
    for (const entry of [...this.#entries.values()]) {
      if (entry.owner.closed || entry.isOrphan()) {
        this.release(entry.id);
        found += 1;
      }
    }
    this.swept += found;
    return found;
  }

  startSweeping(): void {
    this.#sweeper ??= window.setInterval(() => this.sweep(), SWEEP_INTERVAL_MS);
  }

  /** Release everything, the sweeper included: the page is going away. */
  releaseAll(): void {
    window.clearInterval(this.#sweeper);
    this.#sweeper = undefined;
    for (const id of [...this.#entries.keys()].reverse()) this.release(id);
  }

  watch(changed: () => void): Release {
    this.#watchers.add(changed);
    return () => this.#watchers.delete(changed);
  }

  add(owner: Scope, kind: Kind, label: string, release: () => void, isOrphan = never): number {
    const id = this.#nextId++;
    const openedAt = performance.now();
    this.#entries.set(id, { id, kind, label, scope: owner.name, openedAt, owner, release, isOrphan });
    this.#changed();
    return id;
  }

  release(id: number): void {
    const entry = this.#entries.get(id);
    if (!entry) return;
    this.#entries.delete(id);
    try {
      entry.release();
    } catch (error) {
      console.warn(`could not release ${entry.kind} “${entry.label}”`, error);
    }
    this.#changed();
  }

  /** Forget a resource that ended by itself. */
  forget(id: number): void {
    if (this.#entries.delete(id)) this.#changed();
  }

  #changed(): void {
    for (const watcher of this.#watchers) watcher();
  }
}

/** Resources with one lifetime: a call, a microphone, a component. */
export class Scope {
  readonly #registry: ResourceRegistry;
  readonly #ids = new Set<number>();
  closed = false;

  constructor(
    registry: ResourceRegistry,
    readonly name: string,
  ) {
    this.#registry = registry;
  }

  /** Own a thing; in a closed scope it is released at once, since it came too late. */
  own(kind: Kind, label: string, release: () => void, isOrphan?: () => boolean): Release {
    if (this.closed) {
      release();
      return () => undefined;
    }
    const id = this.#registry.add(this, kind, label, release, isOrphan);
    this.#ids.add(id);
    return () => {
      this.#ids.delete(id);
      this.#registry.release(id);
    };
  }

  timeout(label: string, delayMs: number, run: () => void): Release {
    if (this.closed) return () => undefined;
    const timer = window.setTimeout(() => {
      this.#ids.delete(id);
      this.#registry.forget(id);
      run();
    }, delayMs);
    const id = this.#registry.add(this, 'timer', label, () => window.clearTimeout(timer));
    this.#ids.add(id);
    return () => {
      this.#ids.delete(id);
      this.#registry.release(id);
    };
  }

  interval(label: string, everyMs: number, run: () => void): Release {
    if (this.closed) return () => undefined;
    const timer = window.setInterval(run, everyMs);
    return this.own('timer', label, () => window.clearInterval(timer));
  }

  /** Wait; resolves early, with false, when the scope closes. */
  sleep(label: string, delayMs: number): Promise<boolean> {
    if (this.closed) return Promise.resolve(false);
    return new Promise((resolve) => {
      const timer = window.setTimeout(() => {
        resolve(true);
        release();
      }, delayMs);
      const release = this.own('timer', label, () => {
        window.clearTimeout(timer);
        resolve(false);
      });
    });
  }

  /** Call back before each frame that the browser paints. */
  frames(label: string, draw: (nowMs: number) => void): Release {
    let handle = 0;
    const step = (nowMs: number) => {
      handle = requestAnimationFrame(step);
      draw(nowMs);
    };
    if (this.closed) return () => undefined;
    handle = requestAnimationFrame(step);
    return this.own('frame-loop', label, () => cancelAnimationFrame(handle));
  }

  listen(
    target: EventTarget,
    type: string,
    listener: (event: Event) => void,
    options?: AddEventListenerOptions,
  ): Release {
    if (this.closed) return () => undefined;
    target.addEventListener(type, listener, options);
    return this.own('listener', type, () => target.removeEventListener(type, listener, options));
  }

  objectUrl(label: string, blob: Blob): { url: string; release: Release } {
    const url = URL.createObjectURL(blob);
    return { url, release: this.own('object-url', label, () => URL.revokeObjectURL(url)) };
  }

  audioContext(label: string): AudioContext {
    const context = new AudioContext({ latencyHint: 'interactive' });
    this.own(
      'audio-context',
      label,
      () => void context.close().catch(() => undefined),
      () => context.state === 'closed',
    );
    return context;
  }

  /** Ask for a stream. Rejects as `getUserMedia` does; a stream that comes too late is stopped. */
  async userMedia(
    label: string,
    constraints: MediaStreamConstraints,
  ): Promise<{ stream: MediaStream; release: Release }> {
    const stream = await navigator.mediaDevices.getUserMedia(constraints);
    const release = this.own(
      'media-stream',
      label,
      () => stream.getTracks().forEach((track) => track.stop()),
      () => stream.getTracks().every((track) => track.readyState === 'ended'),
    );
    if (this.closed) throw new DOMException('The microphone came too late.', 'AbortError');
    return { stream, release };
  }

  /** Release everything, newest first. */
  close(): void {
    this.closed = true;
    for (const id of [...this.#ids].reverse()) this.#registry.release(id);
    this.#ids.clear();
  }
}
