// The console as WebAssembly: the functions that Python runs, compiled ahead of time.

interface Exports {
  memory: WebAssembly.Memory;
  _initialize(): void;
  malloc(bytes: number): number;
  ai_mixer_rooms(): number;
  ai_mixer_reductions(engine: number, out: number): void;
  ai_mixer_create(rate: number, block: number, channels: number): number;
  ai_mixer_set_knob(engine: number, knob: number, value: number): number;
  ai_mixer_process(engine: number, input: number, output: number, samples: number): void;
  ai_mixer_latency(engine: number): number;
  ai_mixer_reset(engine: number): void;
}

/** What an engine is made of. rooms: spectra of its reverbs, from the server. */
export interface EngineFiles {
  wasm: ArrayBuffer;
  rooms: ArrayBuffer;
}

/** Limiter, compressor, then the bands of the multiband compressor: `app/page_engine.c`. */
export const REDUCTIONS = 5;

/** An instance of a console's code, for any number of engines. */
export class EngineCode {
  readonly x: Exports;
  private view: Float32Array;

  constructor(files: EngineFiles) {
    const instance = new WebAssembly.Instance(new WebAssembly.Module(files.wasm), {});
    this.x = instance.exports as unknown as Exports;
    this.x._initialize();
    new Uint8Array(this.x.memory.buffer, this.x.ai_mixer_rooms(), files.rooms.byteLength).set(new Uint8Array(files.rooms));
    this.view = new Float32Array(this.x.memory.buffer);
  }

  /** The memory as samples; made anew when it has grown. */
  get samples(): Float32Array {
    if (this.view.buffer !== this.x.memory.buffer) this.view = new Float32Array(this.x.memory.buffer);
    return this.view;
  }
}

export class Engine {
  readonly latency: number;
  private readonly x: Exports;
  private readonly handle: number;
  private readonly rows: number;
  private readonly at: number[]; // first sample of each channel
  private readonly reduction: number;

  constructor(
    private readonly code: EngineCode,
    rate: number,
    readonly channels: number,
    readonly block = 128,
  ) {
    this.x = code.x;
    this.handle = this.x.ai_mixer_create(rate, block, channels);
    if (!this.handle) throw new Error(`the engine does not run at ${rate} Hz`);
    const samples = this.x.malloc(4 * channels * block);
    this.rows = this.x.malloc(4 * channels);
    const at = Array.from({ length: channels }, (_, c) => samples + 4 * c * block);
    new Uint32Array(this.x.memory.buffer, this.rows, channels).set(at);
    this.at = at.map((byte) => byte / 4);
    this.reduction = this.x.malloc(4 * REDUCTIONS);
    this.latency = this.x.ai_mixer_latency(this.handle);
  }

  /** values: of all knobs in their units, in the order of the console. */
  setKnobs(values: ArrayLike<number>): void {
    for (let k = 0; k < values.length; k++) this.x.ai_mixer_set_knob(this.handle, k, values[k]);
  }

  /** Start again with silence; the knobs apply at once. */
  reset(): void {
    this.x.ai_mixer_reset(this.handle);
  }

  /** Gain reductions in dB: the largest of the limiter since the last call, compressors now. */
  reductions(): Float32Array {
    this.x.ai_mixer_reductions(this.handle, this.reduction);
    return new Float32Array(this.x.memory.buffer, this.reduction, REDUCTIONS).slice();
  }

  /** Process up to `block` samples; output may be the input. */
  process(input: Float32Array[], output: Float32Array[], samples: number): void {
    const memory = this.code.samples; // no allocation: this runs in the audio thread
    for (let c = 0; c < this.channels; c++) {
      const from = input[c], at = this.at[c];
      for (let i = 0; i < samples; i++) memory[at + i] = from[i];
    }
    this.x.ai_mixer_process(this.handle, this.rows, this.rows, samples);
    const processed = this.code.samples;
    for (let c = 0; c < this.channels; c++) {
      const to = output[c], at = this.at[c];
      for (let i = 0; i < samples; i++) to[i] = processed[at + i];
    }
  }
}
