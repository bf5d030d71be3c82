/** Loudness and spectrum of live audio, for level meters and the visualiser. */

import type { Scope } from '../lib/resources';

const FFT_SIZE = 1024;
const LOWEST_HZ = 90;
const HIGHEST_HZ = 7000;
/** Loudness in dBFS that shows as 0 and as 1. */
const FLOOR_DB = -60;
const CEILING_DB = -14;

/** Measures one stream; read it as often as you paint. */
export class Meter {
  readonly #analyser: AnalyserNode;
  readonly #samples: Float32Array<ArrayBuffer>;
  readonly #spectrum: Uint8Array<ArrayBuffer>;

  constructor(analyser: AnalyserNode) {
    this.#analyser = analyser;
    this.#samples = new Float32Array(analyser.fftSize);
    this.#spectrum = new Uint8Array(analyser.frequencyBinCount);
  }

  /** Loudness from 0 (silence) to 1 (a loud voice). */
  level(): number {
    this.#analyser.getFloatTimeDomainData(this.#samples);
    let sum = 0;
    for (const sample of this.#samples) sum += sample * sample;
    const decibels = 10 * Math.log10(sum / this.#samples.length + 1e-12);
    return clamp((decibels - FLOOR_DB) / (CEILING_DB - FLOOR_DB));
  }

  /** Whether the stream carries only zeros, not even the noise of a quiet room. */
  isDigitalSilence(): boolean {
    this.#analyser.getFloatTimeDomainData(this.#samples);
    const runs = this.#analyser.context.state === 'running';
    return runs && this.#samples.every((sample) => sample === 0);
  }

  /** The spectrum in bands of equal musical width, each from 0 to 1. */
  bands(into: Float32Array): void {
    this.#analyser.getByteFrequencyData(this.#spectrum);
    const hertzPerBin = this.#analyser.context.sampleRate / FFT_SIZE;
    const ratio = HIGHEST_HZ / LOWEST_HZ;
    for (let band = 0; band < into.length; band += 1) {
      const from = Math.floor((LOWEST_HZ * ratio ** (band / into.length)) / hertzPerBin);
      const until = Math.ceil((LOWEST_HZ * ratio ** ((band + 1) / into.length)) / hertzPerBin);
      let loudest = 0;
      for (let bin = from; bin < until; bin += 1) {
        loudest = Math.max(loudest, this.#spectrum[bin] ?? 0);
      }
      into[band] = loudest / 255;
    }
  }
}

/** One audio context for a call, and the meters in it. */
export class Sound {
  readonly #scope: Scope;
  readonly #context: AudioContext;

  constructor(scope: Scope) {
    this.#scope = scope;
    this.#context = scope.audioContext('meters');
  }

  /** Let the context run; works only within a click where the browser blocks autoplay. */
  resume(): void {
    if (this.#context.state === 'suspended') void this.#context.resume().catch(() => undefined);
  }

  /** Measure a track; `release` ends the measurement, not the track. */
  measure(label: string, track: MediaStreamTrack): { meter: Meter; release: () => void } {
    const source = this.#context.createMediaStreamSource(new MediaStream([track]));
    const analyser = this.#context.createAnalyser();
    analyser.fftSize = FFT_SIZE;
    analyser.smoothingTimeConstant = 0.7;
    analyser.minDecibels = -85;
    analyser.maxDecibels = -25;
    source.connect(analyser);
    const release = this.#scope.own('meter', label, () => {
      source.disconnect();
      analyser.disconnect();
    });
    return { meter: new Meter(analyser), release };
  }
}

function clamp(value: number): number {
  return Math.min(1, Math.max(0, value));
}
