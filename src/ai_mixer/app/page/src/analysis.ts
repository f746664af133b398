// Background thread: renders the mix for equal loudness, its waveform and its level.

import { Engine, EngineCode, type EngineFiles } from "./engine.ts";
import { integrated, PowerMeter } from "./loudness.ts";
import { Columns, type Spectrogram } from "./spectrogram.ts";
import { type Parts, Studio, type StudioFiles } from "./studio.ts";
import { TruePeak } from "./true_peak.ts";

export type { Spectrogram } from "./spectrogram.ts";

const BLOCK = 4096;
const COLUMNS = 1000;
const PAUSE_MS = 1200; // without a new order, before the whole song is rendered

export type Request =
  | { kind: "song"; channels: Float32Array[]; rate: number; excerpt: [number, number] }
  | { kind: "engine"; files: EngineFiles }
  | { kind: "studio"; files: StudioFiles; tracks: Float32Array[][] } // the tracks have the excerpt only
  | { kind: "knobs"; knobs: number[]; id: number }
  | { kind: "parts"; parts: Parts; audible: boolean[]; id: number };

/** Loudness of an excerpt of rough and mix, or loudness, peak and waveform of the whole mix. */
export type Answer =
  | { kind: "excerpt"; id: number; rough: number; mix: number }
  | { kind: "song"; id: number; lufs: number; truePeakDb: number; waveform: Float32Array; spectrogram: Spectrogram }
  | { kind: "rough"; id: number; spectrogram: Spectrogram };

let song: Extract<Request, { kind: "song" }> | null = null;
let files: EngineFiles | null = null;
let engine: Engine | null = null;
let studio: { studio: Studio; tracks: Float32Array[][] } | null = null;
let newest = 0;
let roughLufs: number | null = null;

self.onmessage = ({ data }: MessageEvent<Request>) => {
  if (data.kind === "song") {
    [song, engine, roughLufs] = [data, null, null];
    const columns = new Columns(data.rate, data.channels[0].length);
    columns.push(data.channels, data.channels[0].length);
    post({ kind: "rough", id: 0, spectrogram: columns.read() });
  }
  else if (data.kind === "engine") [files, engine] = [data.files, null];
  else if (data.kind === "studio") studio = { studio: new Studio(data.files, song!.rate, BLOCK), tracks: data.tracks };
  else if (data.kind === "parts") {
    studio!.studio.setParts(data.parts);
    studio!.studio.setAudible(data.audible);
    newest = data.id;
    void analyseTracks(data.id);
  } else {
    newest = data.id;
    void analyse(data.knobs, data.id);
  }
};

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function analyse(knobs: number[], id: number): Promise<void> {
  await pause(120); // a knob that is being turned sends many orders
  if (id !== newest || !song || !files) return;
  engine ??= new Engine(new EngineCode(files), song.rate, song.channels.length, BLOCK);
  engine.setKnobs(knobs);
  const [from, to] = song.excerpt;
  roughLufs ??= (await measure(null, from, to, id))?.lufs ?? null;
  const excerpt = await measure(throughEngine(engine), from, to, id);
  if (!excerpt || roughLufs === null) return;
  post({ kind: "excerpt", id, rough: roughLufs, mix: excerpt.lufs });
  await pause(PAUSE_MS);
  if (id !== newest) return;
  const whole = await measure(throughEngine(engine), 0, song.channels[0].length, id, true);
  if (whole) post({ kind: "song", id, ...whole });
}

/** Several tracks: the excerpt alone, because a second copy of all tracks would need their memory. */
async function analyseTracks(id: number): Promise<void> {
  await pause(120);
  if (id !== newest || !song || !studio) return;
  const { studio: console, tracks } = studio, [from, to] = song.excerpt;
  roughLufs ??= (await measure(null, from, to, id))?.lufs ?? null;
  console.reset();
  const excerpt = await measure({
    latency: console.latency,
    reset: () => console.reset(),
    process: (start, out, count) =>
      console.process(tracks.map((rows) => rows.map((row) => row.subarray(start - from, start - from + count))), out, count),
  }, from, to, id);
  if (excerpt && roughLufs !== null) post({ kind: "excerpt", id, rough: roughLufs, mix: excerpt.lufs });
}

/** What makes the mix: `process` writes the samples from `start` on. */
interface Through {
  latency: number;
  reset(): void;
  process(start: number, out: Float32Array[], count: number): void;
}

const throughEngine = (through: Engine): Through => ({
  latency: through.latency,
  reset: () => through.reset(),
  process: (_, out, count) => through.process(out, out, count),
});

const post = (answer: Answer) => self.postMessage(answer);

/** Measure samples of the song, through the engine if there is one; null if a newer order came. */
async function measure(through: Through | null, from: number, to: number, id: number, peaks = false) {
  const { channels, rate } = song!;
  const meter = new PowerMeter(rate, channels.length), powers: number[] = [];
  const truePeak = channels.map(() => new TruePeak());
  const columns = new Columns(rate, to - from);
  const waveform = new Float32Array(COLUMNS), latency = through?.latency ?? 0;
  const buffer = channels.map(() => new Float32Array(BLOCK));
  let peak = 0;
  through?.reset();
  for (let start = from; start < to; start += BLOCK) {
    const count = Math.min(BLOCK, to - start);
    channels.forEach((channel, c) => buffer[c].set(channel.subarray(start, start + count)));
    through?.process(start, buffer, count);
    meter.push(buffer, count, (power) => powers.push(power));
    if (peaks) {
      columns.push(buffer, count);
      for (let c = 0; c < channels.length; c++)
        peak = Math.max(peak, truePeak[c].push(count < BLOCK ? buffer[c].subarray(0, count) : buffer[c]));
      for (let i = 0; i < count; i++) {
        const column = Math.floor(((start + i - latency - from) / (to - from)) * COLUMNS);
        if (column >= 0) for (const row of buffer) waveform[column] = Math.max(waveform[column], Math.abs(row[i]));
      }
    }
    if ((start / BLOCK) % 8 === 7) {
      await pause(0);
      if (id !== newest) return null;
    }
  }
  return { lufs: integrated(powers), truePeakDb: 20 * Math.log10(Math.max(peak, 1e-6)), waveform, spectrogram: columns.read() };
}
