// The strips of several tracks and their sums, in one call of the engine per block: `page_tracks.c`.

import { EngineCode, type EngineFiles } from "./engine.ts";

const FADE_S = 0.01; // of mute and solo
const SEND_S = 0.05; // of a send that is turned
const STEREO = 2;

interface Exports {
  malloc(bytes: number): number;
  ai_mixer_latency(engine: number): number;
  ai_mixer_set_knob(engine: number, knob: number, value: number): number;
  ai_mixer_tracks_create(rate: number, block: number, tracks: number, fadeS: number, sendS: number): number;
  ai_mixer_tracks_strip(mixer: number, track: number): number;
  ai_mixer_tracks_inputs(mixer: number): number;
  ai_mixer_tracks_sums(mixer: number): number;
  ai_mixer_tracks_set_gain(mixer: number, track: number, gain: number): void;
  ai_mixer_tracks_set_audible(mixer: number, track: number, audible: number): void;
  ai_mixer_tracks_set_send(mixer: number, track: number, send: number, gain: number): void;
  ai_mixer_tracks_reset(mixer: number): void;
  ai_mixer_tracks_process(mixer: number, channels: number, samples: number): number;
}

export class TrackMixer {
  readonly latency: number;
  private readonly x: Exports;
  private readonly mixer: number;
  private readonly inputs: number; // first sample of the first track
  private readonly sums: number; // of the mix, then of the buses
  private readonly channels: number;
  private readonly counts: Uint8Array;
  private readonly samples: Float32Array;

  /** gains: of each track in front of its strip; 0 for a silent one. */
  constructor(strip: EngineFiles, gains: number[], rate: number, private readonly block: number) {
    const code = new EngineCode(strip), x = (this.x = code.x as unknown as Exports);
    this.mixer = x.ai_mixer_tracks_create(rate, block, gains.length, FADE_S, SEND_S);
    if (!this.mixer) throw new Error(`${gains.length} tracks do not run at ${rate} Hz, or need more memory`);
    gains.forEach((gain, track) => x.ai_mixer_tracks_set_gain(this.mixer, track, gain));
    this.inputs = x.ai_mixer_tracks_inputs(this.mixer) / 4;
    this.sums = x.ai_mixer_tracks_sums(this.mixer) / 4;
    this.channels = x.malloc(gains.length || 1);
    this.latency = gains.length ? x.ai_mixer_latency(x.ai_mixer_tracks_strip(this.mixer, 0)) : 0;
    this.samples = code.samples; // the memory grows no more
    this.counts = new Uint8Array(this.samples.buffer, this.channels, gains.length);
  }

  /** values: of all knobs of the strip, then the sends. */
  setKnobs(track: number, values: number[], sends: number[]): void {
    const strip = this.x.ai_mixer_tracks_strip(this.mixer, track);
    values.forEach((value, knob) => this.x.ai_mixer_set_knob(strip, knob, value));
    sends.forEach((gain, send) => this.x.ai_mixer_tracks_set_send(this.mixer, track, send, gain));
  }

  setAudible(track: number, audible: boolean): void {
    this.x.ai_mixer_tracks_set_audible(this.mixer, track, Number(audible));
  }

  reset(): void {
    this.x.ai_mixer_tracks_reset(this.mixer);
  }

  /** Process a block. tracks: channels of each, 1 or 2, none for a silent one. Returns which buses
   * received something, bit 0 for the first one. */
  process(tracks: Float32Array[][], samples: number): number {
    const { samples: memory, counts, block } = this;
    for (let n = 0; n < counts.length; n++) {
      const track = tracks[n];
      counts[n] = track.length;
      for (let c = 0; c < track.length; c++) memory.set(track[c], this.inputs + (STEREO * n + c) * block);
    }
    return this.x.ai_mixer_tracks_process(this.mixer, this.channels, samples);
  }

  /** Copy a sum to audio. number: 0 for the mix, then the buses. */
  readSum(number: number, audio: Float32Array[], samples: number): void {
    for (let c = 0; c < STEREO; c++) {
      const first = this.sums + (STEREO * number + c) * this.block, to = audio[c];
      for (let i = 0; i < samples; i++) to[i] = this.samples[first + i];
    }
  }
}
