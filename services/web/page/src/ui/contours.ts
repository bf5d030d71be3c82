/** Draws rings like contour lines on a map: the spectrum bends them and travels through them. */

import type { Meter } from '../media/sound';

export type Activity = 'idle' | 'initializing' | 'listening' | 'thinking' | 'speaking';

export interface Input {
  agent: Meter | null;
  caller: Meter | null;
  activity: Activity;
  /** Whether the viewer prefers less motion. */
  calm: boolean;
}

const RINGS = 15;
const RINGS_WHEN_SMALL = 9;
const SMALL_PX = 240;
const POINTS = 132;
const BANDS = 24;
/** Frames that a sound takes from one ring to the next. */
const FRAMES_PER_RING = 1.5;
const HISTORY = Math.ceil(RINGS * FRAMES_PER_RING) + 1;
const INNER_RADIUS = 0.2;
const OUTER_RADIUS = 0.82;
const BEND = 0.2;
const LOBES = 3;
const SMOOTHING_PASSES = 3;
const COLOUR_EVERY_FRAMES = 20;
/** Energy below this is not visible. */
const STILL = 0.004;

type Colour = readonly [red: number, green: number, blue: number];
const GREY: Colour = [128, 128, 128];

export class ContourField {
  readonly #canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  readonly #agent = new SoundHistory();
  readonly #caller = new SoundHistory();
  #activity: Activity = 'idle';
  #calm = false;
  #thinking = 0;
  #speaking = 0;
  #colours: Record<'agent' | 'caller' | 'line', Colour> = { agent: GREY, caller: GREY, line: GREY };
  #frame = 0;
  #rings = RINGS;
  #lineWidth = 1;

  constructor(canvas: HTMLCanvasElement, context: CanvasRenderingContext2D) {
    this.#canvas = canvas;
    this.#context = context;
  }

  get agentLevel(): number {
    return this.#agent.level;
  }

  get callerLevel(): number {
    return this.#caller.level;
  }

  /** Whether there is more to see than the slow drift of silence. */
  get stirs(): boolean {
    const restless = Math.max(this.#thinking, this.#speaking) > STILL;
    return restless || this.#agent.stirs || this.#caller.stirs;
  }

  /** Take in the sound of one frame. */
  step(input: Input): void {
    this.#agent.push(input.agent);
    this.#caller.push(input.caller);
    this.#activity = input.activity;
    this.#calm = input.calm;
    this.#thinking = ease(this.#thinking, this.#activity === 'thinking' ? 1 : 0);
    this.#speaking = ease(this.#speaking, this.#activity === 'speaking' ? 1 : 0);
  }

  draw(nowMs: number): void {
    if (this.#frame % COLOUR_EVERY_FRAMES === 0) this.#readColours();
    this.#frame += 1;
    const size = this.#fit();
    const context = this.#context;
    context.clearRect(0, 0, size, size);
    context.lineJoin = 'round';
    const time = this.#calm ? 0 : nowMs / 1000;
    for (let ring = 0; ring < this.#rings; ring += 1) this.#drawRing(ring, size, time);
  }

  #drawRing(ring: number, size: number, time: number): void {
    const context = this.#context;
    const depth = ring / (this.#rings - 1);
    const outward = this.#agent.at(ring * FRAMES_PER_RING);
    const inward = this.#caller.at((this.#rings - 1 - ring) * FRAMES_PER_RING);
    const agentEnergy = energy(outward) * (1 - depth * 0.45);
    const callerEnergy = energy(inward) * (0.35 + depth * 0.65);
    const half = size / 2;
    const base = half * (INNER_RADIUS + (OUTER_RADIUS - INNER_RADIUS) * depth ** 0.92);
    const turn = time * 0.12;
    const breath = this.#calm ? 0 : Math.sin(time * 0.9 - depth * 2.2) * 0.006;

    context.beginPath();
    for (let point = 0; point <= POINTS; point += 1) {
      const angle = (point / POINTS) * Math.PI * 2;
      const bend =
        bandAt(outward, angle + turn) * (1 - depth * 0.5) +
        bandAt(inward, angle - turn + Math.PI) * (0.3 + depth * 0.7);
      const drift =
        Math.sin(angle * 3 + time * 0.35 + depth * 3.1) * 0.011 +
        Math.sin(angle * 2 - time * 0.22 - depth * 1.7) * 0.014;
      const swirl =
        this.#thinking * Math.sin(angle * 2 - time * 2.6 + depth * 4.2) * 0.03 * (1 - depth * 0.3);
      const radius = base * (1 + drift + swirl + breath) + half * BEND * bend;
      const x = half + Math.cos(angle - Math.PI / 2) * radius;
      const y = half + Math.sin(angle - Math.PI / 2) * radius;
      if (point === 0) context.moveTo(x, y);
      else context.lineTo(x, y);
    }
    context.closePath();
    const loud = Math.min(1, Math.max(agentEnergy, callerEnergy) * 1.8);
    const voice = agentEnergy >= callerEnergy - STILL ? this.#colours.agent : this.#colours.caller;
    const tint = Math.max(loud, this.#speaking * 0.4, this.#thinking * 0.45, (1 - depth) * 0.6);
    const opacity = 0.85 - depth * 0.6 + loud * 0.35;
    context.lineWidth = this.#lineWidth * (1 + loud);
    context.strokeStyle = mix(this.#colours.line, voice, Math.min(1, tint), Math.min(1, opacity));
    context.stroke();
  }

  /** Fit the canvas to its place and the screen; returns its side in device pixels. */
  #fit(): number {
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    const width = this.#canvas.clientWidth;
    this.#rings = width < SMALL_PX ? RINGS_WHEN_SMALL : RINGS;
    this.#lineWidth = ratio * (width < SMALL_PX ? 1.1 : 1.35);
    const size = Math.max(1, Math.round(width * ratio));
    if (this.#canvas.width !== size || this.#canvas.height !== size) {
      this.#canvas.width = size;
      this.#canvas.height = size;
    }
    return size;
  }

  #readColours(): void {
    const style = getComputedStyle(this.#canvas);
    const read = (name: string) => parseColour(style.getPropertyValue(name));
    this.#colours = { agent: read('--agent'), caller: read('--caller'), line: read('--line') };
  }
}

/** The last spectra of one voice, smoothed, newest first. */
class SoundHistory {
  readonly #frames = Array.from({ length: HISTORY }, () => new Float32Array(BANDS));
  readonly #raw = new Float32Array(BANDS);
  #newest = 0;
  #quietFrames = HISTORY;
  level = 0;

  /** Whether sound is still on its way through the rings. */
  get stirs(): boolean {
    return this.#quietFrames < HISTORY;
  }

  push(meter: Meter | null): void {
    if (meter) meter.bands(this.#raw);
    else this.#raw.fill(0);
    const measured = meter?.level() ?? 0;
    this.level = Math.max(measured, this.level * 0.85);
    smooth(this.#raw);
    const before = this.#frames[this.#newest];
    this.#newest = (this.#newest + 1) % HISTORY;
    const frame = this.#frames[this.#newest];
    if (!frame || !before) return;
    const gate = Math.min(1, this.level * 2.2);
    for (let band = 0; band < BANDS; band += 1) {
      const wanted = (this.#raw[band] ?? 0) ** 1.6 * gate;
      const old = before[band] ?? 0;
      frame[band] = wanted > old ? old + (wanted - old) * 0.7 : old + (wanted - old) * 0.24;
    }
    this.#quietFrames = energy(frame) > STILL ? 0 : Math.min(this.#quietFrames + 1, HISTORY);
  }

  at(framesAgo: number): Float32Array {
    const index = (this.#newest - Math.round(framesAgo) + HISTORY) % HISTORY;
    return this.#frames[index] ?? this.#raw;
  }
}

/** Smooth the spectrum, so that a single note bends a line instead of breaking it. */
function smooth(bands: Float32Array): void {
  for (let pass = 0; pass < SMOOTHING_PASSES; pass += 1) {
    let before = bands[0] ?? 0;
    for (let band = 0; band < bands.length; band += 1) {
      const here = bands[band] ?? 0;
      const after = bands[Math.min(band + 1, bands.length - 1)] ?? 0;
      bands[band] = (before + 2 * here + after) / 4;
      before = here;
    }
  }
}

/** The spectrum around the circle: in each lobe from low notes to high ones and back. */
function bandAt(bands: Float32Array, angle: number): number {
  const turn = ((((angle * LOBES) / Math.PI) % 2) + 2) % 2;
  const place = (1 - Math.abs(turn - 1)) * (BANDS - 1);
  const below = Math.floor(place);
  const share = place - below;
  const above = Math.min(below + 1, BANDS - 1);
  return (bands[below] ?? 0) * (1 - share) + (bands[above] ?? 0) * share;
}

function energy(bands: Float32Array): number {
  let sum = 0;
  for (const band of bands) sum += band;
  return sum / BANDS;
}

function ease(from: number, to: number): number {
  return from + (to - from) * 0.08;
}

/** Parse a computed colour, which browsers write as `rgb(…)`; grey for anything else. */
function parseColour(text: string): Colour {
  const [red, green, blue] = (text.match(/[\d.]+/g) ?? []).map(Number);
  if (red === undefined || green === undefined || blue === undefined) return GREY;
  return [red, green, blue];
}

function mix(from: Colour, to: Colour, share: number, opacity: number): string {
  const part = (index: 0 | 1 | 2) => Math.round(from[index] + (to[index] - from[index]) * share);
  return `rgb(${part(0)} ${part(1)} ${part(2)} / ${opacity.toFixed(3)})`;
}
