// Playback: rough and reference go to the audio thread, which adds the console and selects.

import * as api from "./api.ts";
import type { Answer, Request, Spectrogram } from "./analysis.ts";
import type { EngineFiles } from "./engine.ts";
import { engineFiles } from "./engine_files.ts";
import { clamp } from "./knob.ts";
import { changed, consoleName, knobValues, on, state, tracks } from "./store.ts";
import { analyseTracks, audibleTracks, forgetTracks, studioFiles, trackChannels, TrackLoader, turnedParts } from "./track_player.ts";
import type { ConsoleName, Song, Version } from "./types.ts";
import type { Levels, Order, Report } from "./worklet.ts";

const EXCERPT_S = 10;
const MIN_LOOP_S = 0.05;
const START_DELAY_S = 0.02;

export const player = {
  context: null as AudioContext | null,
  node: null as AudioWorkletNode | null,
  analyser: null as AnalyserNode | null,
  audio: {} as Partial<Record<Version, AudioBuffer>>,
  tracks: null as TrackLoader | null,
  playing: false,
  repeat: true,
  loop: null as { from: number; to: number } | null,
  latency: 0,
  /** Why there is no playback; empty if there is. */
  refused: "",
  mixWaveform: null as Float32Array | null,
  spectrograms: {} as { rough?: Spectrogram; mix?: Spectrogram },
};

let sources: AudioBufferSourceNode[] = [];
let started = { at: 0, when: 0 };
let startS = 0;
let startId = 0; // of the last start, which those before give way to
let analysis: Worker | null = null;
let requestId = 0;
let loaded: ConsoleName | null = null;
let onLevels: (levels: Levels) => void = () => undefined;

export const setLevelsListener = (listener: (levels: Levels) => void) => (onLevels = listener);

export const duration = () => player.audio.rough?.duration ?? 0;
export const range = () => player.loop ?? { from: 0, to: duration() };
export const send = (message: Order, moved: Transferable[] = []) => player.node?.port.postMessage(message, moved);

/** Load a song: its audio, the engine, and the thread that measures it. */
export async function load(song: Song): Promise<void> {
  unload();
  if (!window.AudioWorklet)
    throw new api.Refused("Playback needs https or the address 127.0.0.1: browsers allow audio code nowhere else.");
  const name = consoleName(song.tracks ? "master" : state.session.console);
  const context = new AudioContext({ sampleRate: song.sample_rate, latencyHint: "interactive" });
  player.context = context;
  const [bytes, engine] = await Promise.all([
    api.getBytes(`/api/songs/${song.id}/audio/source`),
    engineFiles(name),
    context.audioWorklet.addModule("/worklet.js"),
  ]);
  player.audio.rough = await context.decodeAudioData(bytes);
  if (song.reference) await loadReference(song);
  await context.suspend();
  if (player.context !== context) return; // another song was opened
  if (song.tracks) player.tracks = new TrackLoader(song, (piece, moved) => player.context === context && send({ kind: "piece", piece }, moved));
  await startNode(engine, name, song.channels ?? 2);
  await startAnalysis(song, engine);
  await update();
}

export async function loadReference(song: Song): Promise<void> {
  const bytes = await api.getBytes(`/api/songs/${song.id}/audio/reference`);
  player.audio.reference = await player.context!.decodeAudioData(bytes);
  state.loudness.reference = song.reference!.measured.loudness_lufs;
  changed("audible", "loudness");
}

async function startNode(engine: EngineFiles, name: ConsoleName, channels: number): Promise<void> {
  const context = player.context!, several = player.tracks !== null;
  const studio = several && { studio: await studioFiles(), parts: turnedParts(true), audible: audibleTracks(), trackChannels: trackChannels() };
  const node = new AudioWorkletNode(context, "desk", {
    numberOfInputs: 2,
    outputChannelCount: [2],
    channelCount: 2,
    channelCountMode: "explicit",
    processorOptions: { files: engine, knobs: several ? [] : knobValues(), channels, ...studio },
  });
  const { tracks } = player;
  node.port.onmessage = ({ data }: MessageEvent<Report>) => {
    if (data.supply) tracks?.supply(data.supply);
    if (data.latency !== undefined) player.latency = data.latency;
    if (data.levels) onLevels(data.levels);
  };
  const analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0.8 });
  node.connect(analyser).connect(context.destination);
  Object.assign(player, { node, analyser });
  loaded = name;
}

async function startAnalysis(song: Song, engine: EngineFiles): Promise<void> {
  const rough = player.audio.rough!, rate = rough.sampleRate;
  const channels = Array.from({ length: song.channels ?? 2 }, (_, c) => rough.getChannelData(c).slice());
  const from = Math.round((song.loudest_s ?? 0) * rate);
  const excerpt: [number, number] = [from, Math.min(rough.length, from + EXCERPT_S * rate)];
  analysis = new Worker("/analysis.js", { type: "module" });
  analysis.onmessage = ({ data }: MessageEvent<Answer>) => receive(data);
  const post = (request: Request, moved: Transferable[] = []) => analysis!.postMessage(request, moved);
  post({ kind: "song", channels, rate, excerpt }, channels.map((row) => row.buffer));
  if (song.tracks) await analyseTracks(analysis, song, excerpt);
  else post({ kind: "engine", files: engine });
}

function receive(answer: Answer): void {
  if (answer.kind === "rough") player.spectrograms.rough = answer.spectrogram;
  else if (answer.id !== requestId) return;
  else player.spectrograms.mix = answer.kind === "song" ? answer.spectrogram : undefined;
  if (answer.kind === "excerpt") {
    // Loudness of whole songs, so that the reference is comparable: the difference is the excerpt's.
    const rough = state.song?.measured?.loudness_lufs ?? answer.rough;
    Object.assign(state.loudness, { rough, mix: rough + answer.mix - answer.rough });
  } else if (answer.kind === "song") {
    state.whole = { lufs: answer.lufs, truePeakDb: answer.truePeakDb };
    player.mixWaveform = answer.waveform;
  }
  changed("loudness");
}

/** Send the knobs, and the engine if the console is another one. */
async function update(): Promise<void> {
  if (!player.node) return;
  if (tracks().length) {
    send({ kind: "parts", parts: turnedParts(false), audible: audibleTracks() });
    analysis?.postMessage({ kind: "parts", parts: turnedParts(true), audible: audibleTracks(), id: ++requestId } satisfies Request);
    return;
  }
  const name = consoleName(state.session.console), knobs = knobValues();
  if (name !== loaded) {
    const engine = await engineFiles(name);
    if (name !== consoleName(state.session.console)) return;
    loaded = name;
    send({ kind: "engine", files: engine, knobs: knobValues() });
    analysis?.postMessage({ kind: "engine", files: engine } satisfies Request);
  } else send({ kind: "knobs", knobs });
  analysis?.postMessage({ kind: "knobs", knobs: knobValues(), id: ++requestId } satisfies Request);
}

export function unload(): void {
  stopSources();
  analysis?.terminate();
  void player.context?.close();
  analysis = null;
  requestId += 1;
  startS = 0;
  forgetTracks();
  Object.assign(player, { context: null, tracks: null, refused: "", node: null, analyser: null, audio: {}, playing: false, loop: null, mixWaveform: null, spectrograms: {} });
}

function stopSources(): void {
  for (const source of sources) {
    source.onended = null;
    source.stop();
    source.disconnect();
  }
  sources = [];
}

/** Play from a position on; tracks when their audio is there, and what is played goes on until then. */
async function startSources(at: number): Promise<void> {
  const context = player.context!, { from, to } = range(), { sampleRate } = context, id = ++startId;
  const inSamples = (s: number) => Math.round(s * sampleRate);
  const transport = { frame: 0, at: inSamples(at), from: inSamples(from), to: inSamples(to), repeat: player.repeat };
  if (player.tracks) {
    await player.tracks.prepare(transport).catch(() => undefined); // the page says that the server is gone
    if (id !== startId || player.context !== context || !player.playing) return;
  }
  const frame = inSamples(context.currentTime) + inSamples(START_DELAY_S), when = frame / sampleRate;
  stopSources();
  if (player.tracks) send({ kind: "transport", transport: { ...transport, frame } });
  const options = { loop: player.repeat, loopStart: from, loopEnd: to };
  [player.audio.rough, player.audio.reference].forEach((buffer, input) => {
    if (!buffer) return;
    const source = new AudioBufferSourceNode(context, { buffer, ...options });
    source.connect(player.node!, 0, input);
    source.start(when, at);
    if (!player.repeat) source.stop(when + to - at);
    sources.push(source);
  });
  sources[0].onended = () => {
    pause();
    seek(range().from);
  };
  started = { at, when };
}

/** Audible position in s. */
export function position(): number {
  const { context } = player;
  if (!sources.length || !context) return startS;
  const late = player.latency / context.sampleRate + (context.outputLatency || 0);
  const passed = started.at + Math.max(0, context.currentTime - started.when - late);
  const { from, to } = range();
  if (passed < to) return passed;
  return player.repeat ? from + ((passed - from) % (to - from)) : to;
}

const roundToSample = (s: number) => Math.round(s * player.context!.sampleRate) / player.context!.sampleRate;
const intoRange = (at: number) => (at >= range().from && at < range().to ? at : range().from);

export async function play(): Promise<void> {
  if (!player.context || player.playing) return;
  player.playing = true;
  changed("audible");
  const resumed = player.context.resume();
  if (!sources.length) {
    send({ kind: "reset" });
    await startSources(roundToSample(intoRange(startS)));
  }
  await resumed;
}

export function pause(): void {
  if (!player.playing) return;
  player.playing = false;
  startS = position();
  stopSources();
  if (player.tracks) send({ kind: "transport", transport: null });
  void player.context?.suspend();
  changed("audible");
}

export const togglePlayback = () => (player.playing ? pause() : void play());

export function seek(seconds: number): void {
  if (!player.context) return;
  const at = roundToSample(clamp(seconds, 0, Math.max(0, duration() - 0.01)));
  if (player.loop && (at < player.loop.from || at >= player.loop.to)) player.loop = null;
  startS = at;
  if (player.playing) void startSources(at);
  changed("audible");
}

export function setLoop(loop: { from: number; to: number } | null): void {
  const at = position();
  const ends = loop && { from: roundToSample(clamp(loop.from, 0, duration())), to: roundToSample(clamp(loop.to, 0, duration())) };
  if (ends && ends.to - ends.from < MIN_LOOP_S) return;
  player.loop = ends;
  if (ends) player.repeat = true;
  startS = intoRange(at);
  if (player.playing) void startSources(startS);
  changed("audible");
}

export function setRepeat(on: boolean): void {
  const at = position();
  player.repeat = on;
  if (player.playing) void startSources(roundToSample(intoRange(at)));
  changed("audible");
}

on(["knobs"], () => void update());
