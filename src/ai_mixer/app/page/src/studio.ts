// The console for several tracks: a strip per track, two buses, the master; each is an engine.

import { Engine, EngineCode, type EngineFiles } from "./engine.ts";
import { TrackMixer } from "./track_mixer.ts";

export const BUSES = ["reverb", "delay"] as const;
export const STUDIO_ENGINES = ["strip", ...BUSES, "mastering"] as const;
const STEREO = 2;

/** What a studio is made of. gains: of each track in front of its strip; 0 for a silent one. */
export interface StudioFiles {
  engines: Record<(typeof STUDIO_ENGINES)[number], EngineFiles>;
  gains: number[];
}

/** Knobs of the parts: of tracks by their number, with the sends last; of buses and "master". */
export type Parts = Record<string, number[]>;

const rows = (block: number) => Array.from({ length: STEREO }, () => new Float32Array(block));

export class Studio {
  readonly latency: number;
  private readonly tracks: TrackMixer;
  private readonly buses: Engine[];
  private readonly master: Engine;
  private readonly gains: number[];
  private used = 0; // buses that have received something, a bit each
  private readonly mix: Float32Array[];
  private readonly signal: Float32Array[];

  constructor(files: StudioFiles, rate: number, block = 128) {
    const { strip, mastering } = files.engines;
    this.gains = files.gains;
    this.tracks = new TrackMixer(strip, files.gains, rate, block);
    this.buses = BUSES.map((bus) => new Engine(new EngineCode(files.engines[bus]), rate, STEREO, block));
    this.master = new Engine(new EngineCode(mastering), rate, STEREO, block);
    [this.signal, this.mix] = [rows(block), rows(block)];
    this.latency = this.tracks.latency + this.master.latency;
  }

  setParts(parts: Parts): void {
    for (const [part, knobs] of Object.entries(parts)) {
      const bus = (BUSES as readonly string[]).indexOf(part);
      if (part === "master") this.master.setKnobs(knobs);
      else if (bus >= 0) this.buses[bus].setKnobs(knobs);
      else this.tracks.setKnobs(Number(part), knobs.slice(0, -BUSES.length), knobs.slice(-BUSES.length));
    }
  }

  /** Which tracks are audible, after mute and solo. */
  setAudible(audible: boolean[]): void {
    audible.forEach((on, n) => this.tracks.setAudible(n, on && this.gains[n] > 0));
  }

  reset(): void {
    this.tracks.reset();
    for (const engine of [...this.buses, this.master]) engine.reset();
    this.used = 0;
  }

  reductions(): Float32Array {
    return this.master.reductions();
  }

  /** tracks: channels of each track, 1 or 2, none for a silent one. */
  process(tracks: Float32Array[][], out: Float32Array[], samples: number): void {
    const { mix, signal } = this;
    this.used |= this.tracks.process(tracks, samples);
    this.tracks.readSum(0, mix, samples);
    for (let b = 0; b < this.buses.length; b++) {
      if (!(this.used & (1 << b))) continue;
      this.tracks.readSum(1 + b, signal, samples);
      this.buses[b].process(signal, signal, samples);
      for (let c = 0; c < STEREO; c++) for (let i = 0; i < samples; i++) mix[c][i] += signal[c][i];
    }
    this.master.process(mix, out, samples);
  }
}
