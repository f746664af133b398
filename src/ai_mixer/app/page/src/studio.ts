// The console for several tracks: a strip per track, two buses, the master; each is an engine.

import { Engine, EngineCode, type EngineFiles } from "./engine.ts";

export const BUSES = ["reverb", "delay"] as const;
export const STUDIO_ENGINES = ["strip", ...BUSES, "mastering"] as const;
const FADE_S = 0.01; // of mute and solo
const SEND_S = 0.05; // of a send that is turned
const STEREO = 2;

/** What a studio is made of. gains: of each track in front of its strip; 0 for a silent one. */
export interface StudioFiles {
  engines: Record<(typeof STUDIO_ENGINES)[number], EngineFiles>;
  gains: number[];
}

/** Knobs of the parts: of tracks by their number, with the sends last; of buses and "master". */
export type Parts = Record<string, number[]>;

/** A gain that moves to its target in a given time for its full range. */
class Ramp {
  now = 0;
  target = 0;
  private readonly step: number;
  constructor(seconds: number, rate: number) {
    this.step = 1 / (seconds * rate);
  }
  get silent(): boolean {
    return this.now === 0 && this.target === 0;
  }
  jump(): void {
    this.now = this.target;
  }
  add(from: Float32Array[], to: Float32Array[], samples: number): void {
    let now = this.now;
    for (let i = 0; i < samples; i++) {
      if (now !== this.target)
        now = now < this.target ? Math.min(this.target, now + this.step) : Math.max(this.target, now - this.step);
      for (let c = 0; c < STEREO; c++) to[c][i] += now * from[c][i];
    }
    this.now = now;
  }
}

const rows = (block: number) => Array.from({ length: STEREO }, () => new Float32Array(block));
const clear = (audio: Float32Array[]) => audio.forEach((row) => row.fill(0));

export class Studio {
  readonly latency: number;
  private readonly strips: Engine[];
  private readonly buses: Engine[];
  private readonly master: Engine;
  private readonly gains: number[];
  private readonly audible: Ramp[];
  private readonly sends: Ramp[][];
  private readonly used = BUSES.map(() => false); // a bus that has received something
  private readonly signal: Float32Array[];
  private readonly mix: Float32Array[];
  private readonly inputs: Float32Array[][];
  private fresh = true;

  constructor(files: StudioFiles, rate: number, block = 128) {
    const { strip, mastering } = files.engines, code = new EngineCode(strip);
    this.gains = files.gains;
    this.strips = files.gains.map(() => new Engine(code, rate, STEREO, block));
    this.buses = BUSES.map((bus) => new Engine(new EngineCode(files.engines[bus]), rate, STEREO, block));
    this.master = new Engine(new EngineCode(mastering), rate, STEREO, block);
    this.audible = files.gains.map(() => new Ramp(FADE_S, rate));
    this.sends = files.gains.map(() => BUSES.map(() => new Ramp(SEND_S, rate)));
    [this.signal, this.mix, this.inputs] = [rows(block), rows(block), BUSES.map(() => rows(block))];
    this.latency = (this.strips[0]?.latency ?? 0) + this.master.latency;
  }

  setParts(parts: Parts): void {
    for (const [part, knobs] of Object.entries(parts)) {
      const bus = (BUSES as readonly string[]).indexOf(part);
      if (part === "master") this.master.setKnobs(knobs);
      else if (bus >= 0) this.buses[bus].setKnobs(knobs);
      else {
        const effects = knobs.slice(0, -BUSES.length);
        this.strips[Number(part)].setKnobs(effects);
        this.sends[Number(part)].forEach((send, n) => (send.target = knobs[effects.length + n]));
      }
    }
  }

  /** Which tracks are audible, after mute and solo. */
  setAudible(audible: boolean[]): void {
    audible.forEach((on, n) => (this.audible[n].target = Number(on && this.gains[n] > 0)));
  }

  reset(): void {
    for (const engine of [...this.strips, ...this.buses, this.master]) engine.reset();
    this.used.fill(false);
    this.fresh = true;
  }

  reductions(): Float32Array {
    return this.master.reductions();
  }

  /** tracks: channels of each track, 1 or 2; a missing one is silent. */
  process(tracks: (Float32Array[] | undefined)[], out: Float32Array[], samples: number): void {
    if (this.fresh) for (const ramp of [...this.audible, ...this.sends.flat()]) ramp.jump();
    this.fresh = false;
    clear(this.mix);
    this.inputs.forEach(clear);
    for (let n = 0; n < this.strips.length; n++) this.addTrack(n, tracks[n], samples);
    for (let b = 0; b < this.buses.length; b++) {
      if (!this.used[b]) continue;
      this.buses[b].process(this.inputs[b], this.inputs[b], samples);
      for (let c = 0; c < STEREO; c++) for (let i = 0; i < samples; i++) this.mix[c][i] += this.inputs[b][c][i];
    }
    this.master.process(this.mix, out, samples);
  }

  private addTrack(n: number, track: Float32Array[] | undefined, samples: number): void {
    const audible = this.audible[n];
    if (!track?.length || audible.silent) return;
    this.strips[n].process(track, this.signal, samples, this.gains[n]);
    if (audible.now !== 1 || audible.target !== 1) this.fade(audible, samples);
    for (let c = 0; c < STEREO; c++) for (let i = 0; i < samples; i++) this.mix[c][i] += this.signal[c][i];
    for (let b = 0; b < BUSES.length; b++) {
      if (this.sends[n][b].silent) continue;
      this.used[b] = true;
      this.sends[n][b].add(this.signal, this.inputs[b], samples);
    }
  }

  private readonly faded = rows(4096);

  private fade(audible: Ramp, samples: number): void {
    clear(this.faded);
    audible.add(this.signal, this.faded, samples);
    for (let c = 0; c < STEREO; c++) for (let i = 0; i < samples; i++) this.signal[c][i] = this.faded[c][i];
  }
}
