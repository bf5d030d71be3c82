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

/** Gives one resource back; calling it again does nothing. */
export type Release = () => void;

/** The open scopes; each is closed by whoever opened it. */
export class ResourceRegistry {
  readonly #scopes = new Set<Scope>();

  scope(name: string): Scope {
    const scope = new Scope(name, () => this.#scopes.delete(scope));
    this.#scopes.add(scope);
    return scope;
  }

  list(): readonly Resource[] {
    return [...this.#scopes].flatMap((scope) => scope.list());
  }

  /** Close every scope, newest first: the page is going away. */
  closeAll(): void {
    for (const scope of [...this.#scopes].reverse()) scope.close();
  }
}

/** Resources with one lifetime: a call, a microphone, a component. */
export class Scope {
  static #nextId = 1;
  readonly #open = new Map<number, { resource: Resource; release: () => void }>();
  readonly #onClosed: () => void;
  closed = false;

  constructor(
    readonly name: string,
    onClosed: () => void,
  ) {
    this.#onClosed = onClosed;
  }

  list(): readonly Resource[] {
    return [...this.#open.values()].map(({ resource }) => resource);
  }

  /** Own a resource. In a closed scope it is released at once, since it came too late. */
  own(kind: Kind, label: string, release: () => void): Release {
    if (this.closed) {
      release();
      return () => undefined;
    }
    const id = Scope.#nextId++;
    const openedAt = performance.now();
    this.#open.set(id, { resource: { id, kind, label, scope: this.name, openedAt }, release });
    return () => this.#release(id);
  }

  timeout(label: string, delayMs: number, run: () => void): Release {
    if (this.closed) return () => undefined;
    const timer = window.setTimeout(() => {
      release();
      run();
    }, delayMs);
    const release = this.own('timer', label, () => window.clearTimeout(timer));
    return release;
  }

  interval(label: string, everyMs: number, run: () => void): Release {
    if (this.closed) return () => undefined;
    const timer = window.setInterval(run, everyMs);
    return this.own('timer', label, () => window.clearInterval(timer));
  }

  /** Call back before each frame that the browser paints. */
  frames(label: string, draw: (nowMs: number) => void): Release {
    if (this.closed) return () => undefined;
    const step = (nowMs: number) => {
      handle = requestAnimationFrame(step);
      draw(nowMs);
    };
    let handle = requestAnimationFrame(step);
    return this.own('frame-loop', label, () => cancelAnimationFrame(handle));
  }

  listen(target: EventTarget, type: string, listener: (event: Event) => void): Release {
    if (this.closed) return () => undefined;
    target.addEventListener(type, listener);
    return this.own('listener', type, () => target.removeEventListener(type, listener));
  }

  objectUrl(label: string, blob: Blob): string {
    const url = URL.createObjectURL(blob);
    this.own('object-url', label, () => URL.revokeObjectURL(url));
    return url;
  }

  audioContext(label: string): AudioContext {
    const context = new AudioContext({ latencyHint: 'interactive' });
    this.own('audio-context', label, () => void context.close().catch(() => undefined));
    return context;
  }

  /** Request a stream. Rejects as `getUserMedia` does; a stream that comes too late is stopped. */
  async userMedia(
    label: string,
    constraints: MediaStreamConstraints,
  ): Promise<{ stream: MediaStream; release: Release }> {
    const stream = await navigator.mediaDevices.getUserMedia(constraints);
    const release = this.own('media-stream', label, () => {
      for (const track of stream.getTracks()) track.stop();
    });
    if (this.closed) throw new DOMException('The microphone came too late.', 'AbortError');
    return { stream, release };
  }

  /** Release everything, newest first. */
  close(): void {
    this.closed = true;
    for (const id of [...this.#open.keys()].reverse()) this.#release(id);
    this.#onClosed();
  }

  #release(id: number): void {
    const entry = this.#open.get(id);
    if (!entry) return;
    this.#open.delete(id);
    try {
      entry.release();
    } catch (error) {
      console.warn(`could not release ${entry.resource.kind} “${entry.resource.label}”`, error);
    }
  }
}
