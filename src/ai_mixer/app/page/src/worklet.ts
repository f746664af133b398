// Audio thread: the console, and rough, mix and reference in step, of which one is audible.

import { Engine, EngineCode, type EngineFiles } from "./engine.ts";
import { PowerMeter } from "./loudness.ts";
import { type Parts, Studio, type StudioFiles } from "./studio.ts";
import { type Piece, pieceSamples, type Supply, TrackFeed, type Transport } from "./track_feed.ts";
import { TruePeak } from "./true_peak.ts";
import type { Version } from "./types.ts";

declare const sampleRate: number;
declare const currentFrame: number;
declare function registerProcessor(name: string, processor: unknown): void;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}

const BLOCK = 128;
const WARM_UP_BLOCKS = 100;
const FADE_S = 0.01; // long enough to avoid clicks, too short to be noticed
const VERSIONS: Version[] = ["rough", "mix", "reference"];

/** Orders to the processor. */
export type Order =
  | { kind: "engine"; files: EngineFiles; knobs: number[] }
  | { kind: "knobs"; knobs: number[] }
  | { kind: "parts"; parts: Parts; audible: boolean[] }
  | { kind: "piece"; piece: Piece }
  | { kind: "transport"; transport: Transport | null }
  | { kind: "listen"; version: Version; gains: Record<Version, number> }
  | { kind: "reset" };

/** What the processor reports, about ten times a second. */
export interface Levels {
  powers: number[];
  peaks: number[];
  truePeak: number;
  reductions: Float32Array;
}

/** Messages of the processor. */
export interface Report {
  levels?: Levels;
  latency?: number;
  supply?: Supply;
}

const noLevels = (): Levels => ({ powers: [], peaks: [0, 0], truePeak: 0, reductions: new Float32Array(0) });

class Delay {
  private readonly line: Float32Array;
  private at = 0;
  constructor(samples: number) {
    this.line = new Float32Array(samples);
  }
  process(x: Float32Array): void {
    if (!this.line.length) return;
    for (let i = 0; i < x.length; i++) {
      const y = this.line[this.at];
      this.line[this.at] = x[i];
      x[i] = y;
      if (++this.at === this.line.length) this.at = 0;
    }
  }
}

/** One stereo file has `files` and `knobs`; several tracks have a studio, and arrive in pieces. */
interface Options {
  files: EngineFiles;
  knobs: number[];
  channels: number;
  studio?: StudioFiles;
  parts?: Parts;
  audible?: boolean[];
  trackChannels?: number[];
}

class Desk extends AudioWorkletProcessor {
  private engine: Engine | Studio;
  private readonly feed: TrackFeed | null;
  private readonly channels: number;
  private readonly audio: Record<Version, Float32Array[]>;
  private delays: Delay[];
  private gains: Record<Version, number> = { rough: 0, mix: 1, reference: 0 };
  private readonly now: Record<Version, number> = { rough: 0, mix: 1, reference: 0 };
  private meter: PowerMeter;
  private truePeak: TruePeak[];
  private levels = noLevels();
  private blocks = 0;

  constructor(options: { processorOptions: Options }) {
    super();
    const { files, knobs, channels, studio, parts, audible, trackChannels } = options.processorOptions;
    this.channels = channels;
    const rows = () => Array.from({ length: 2 }, () => new Float32Array(BLOCK));
    this.audio = { rough: rows(), mix: rows(), reference: rows() };
    this.engine = studio ? new Studio(studio, sampleRate, BLOCK) : new Engine(new EngineCode(files), sampleRate, channels, BLOCK);
    this.feed = trackChannels ? new TrackFeed(trackChannels, pieceSamples(sampleRate), BLOCK, (supply) => this.port.postMessage({ supply })) : null;
    if (this.engine instanceof Engine) this.engine.setKnobs(knobs);
    else this.setParts(parts!, audible!);
    [this.delays, this.meter, this.truePeak] = this.newMeters();
    this.warmUp();
    [this.delays, this.meter, this.truePeak] = this.newMeters();
    this.port.onmessage = ({ data }: MessageEvent<Order>) => this.obey(data);
    this.port.postMessage({ latency: this.engine.latency });
  }

  private obey(order: Order): void {
    if (order.kind === "engine") {
      this.engine = new Engine(new EngineCode(order.files), sampleRate, this.channels, BLOCK);
      this.engine.setKnobs(order.knobs);
      this.delays = this.newDelays();
      this.port.postMessage({ latency: this.engine.latency });
    } else if (order.kind === "knobs") (this.engine as Engine).setKnobs(order.knobs);
    else if (order.kind === "parts") this.setParts(order.parts, order.audible);
    else if (order.kind === "piece") this.feed!.add(order.piece);
    else if (order.kind === "transport") this.feed!.move(order.transport);
    else if (order.kind === "listen")
      this.gains = Object.fromEntries(
        VERSIONS.map((version) => [version, version === order.version ? order.gains[version] : 0]),
      ) as Record<Version, number>;
    else {
      this.engine.reset();
      this.delays = this.newDelays();
    }
  }

  private setParts(parts: Parts, audible: boolean[]): void {
    (this.engine as Studio).setParts(parts);
    (this.engine as Studio).setAudible(audible);
  }

  /** Run on noise until the browser has compiled everything: the first blocks take several times as long. */
  private warmUp(): void {
    const noise = [0, 1].map(() => Float32Array.from({ length: BLOCK }, () => Math.random() - 0.5));
    const out = noise.map((row) => row.slice());
    for (let block = 0; block < WARM_UP_BLOCKS; block++) this.render([noise, noise], this.feed?.read(0).map(() => noise) ?? [], out);
    this.engine.reset();
    this.levels = noLevels();
  }

  private newMeters(): [Delay[], PowerMeter, TruePeak[]] {
    return [this.newDelays(), new PowerMeter(sampleRate, 2), [new TruePeak(), new TruePeak()]];
  }

  private newDelays(): Delay[] {
    return Array.from({ length: 4 }, () => new Delay(this.engine.latency));
  }

  process(inputs: Float32Array[][], outputs: Float32Array[][]): boolean {
    this.render(inputs, this.feed?.read(currentFrame) ?? [], outputs[0]);
    this.report();
    return true;
  }

  private render(inputs: Float32Array[][], tracks: Float32Array[][], out: Float32Array[]): void {
    const { rough, mix, reference } = this.audio;
    for (let c = 0; c < 2; c++) {
      copy(inputs[0], c, rough[c]);
      copy(inputs[1], c, reference[c]);
    }
    if (this.engine instanceof Engine) this.engine.process(rough, mix, BLOCK);
    else this.engine.process(tracks, mix, BLOCK);
    if (this.channels === 1) mix[1].set(mix[0]);
    for (let c = 0; c < 2; c++) {
      this.delays[c].process(rough[c]);
      this.delays[2 + c].process(reference[c]);
      out[c].fill(0);
    }
    for (const version of VERSIONS) this.add(version, out);
    this.measure(out);
  }

  /** Add a version to the output, with a gain that moves to its target. */
  private add(version: Version, out: Float32Array[]): void {
    const target = this.gains[version], step = 1 / (FADE_S * sampleRate), audio = this.audio[version];
    let gain = this.now[version];
    if (gain === target) {
      if (gain !== 0) for (let c = 0; c < 2; c++) for (let i = 0; i < BLOCK; i++) out[c][i] += gain * audio[c][i];
      return;
    }
    for (let i = 0; i < BLOCK; i++) {
      gain = gain < target ? Math.min(target, gain + step) : Math.max(target, gain - step);
      for (let c = 0; c < 2; c++) out[c][i] += gain * audio[c][i];
    }
    this.now[version] = gain;
  }

  private measure(out: Float32Array[]): void {
    const { levels } = this;
    this.meter.push(out, BLOCK, (power) => levels.powers.push(power));
    for (let c = 0; c < 2; c++) {
      let peak = levels.peaks[c];
      for (let i = 0; i < BLOCK; i++) peak = Math.max(peak, Math.abs(out[c][i]));
      levels.peaks[c] = peak;
      levels.truePeak = Math.max(levels.truePeak, this.truePeak[c].push(out[c]));
    }
  }

  private report(): void {
    const { levels } = this;
    if (++this.blocks * BLOCK < sampleRate / 20) return;
    levels.reductions = this.engine.reductions();
    this.port.postMessage({ levels });
    this.levels = noLevels();
    this.blocks = 0;
  }
}

/** Copy a channel of an input, which has none while nothing is connected. */
function copy(input: Float32Array[] | undefined, channel: number, out: Float32Array): void {
  const from = input?.[channel] ?? input?.[0];
  if (from) out.set(from);
  else out.fill(0);
}

registerProcessor("desk", Desk);
