// Several tracks for the player: their audio in pieces, the engines, and the knobs that changed.

import type { Request } from "./analysis.ts";
import * as api from "./api.ts";
import { engineFiles } from "./engine_files.ts";
import { audibleTracks, state, tracks, valuesOf } from "./store.ts";
import { type Parts, STUDIO_ENGINES, type StudioFiles } from "./studio.ts";
import { type Piece, pieceSamples, piecesFrom, type Supply, type Transport } from "./track_feed.ts";
import type { Song } from "./types.ts";

export { audibleTracks };

const FIRST_PIECES = 2; // that playback waits for
let sent: Record<string, string> = {}; // knobs of each part, as the audio thread has them

export const forgetTracks = () => (sent = {});

/** Channels of each track, 0 for a silent one. */
export const trackChannels = () => tracks().map((track) => (track.silent ? 0 : track.channels));

/** Samples of all tracks: channels of each. */
async function samples(song: Song, start: number, count: number): Promise<Float32Array[][]> {
  const bytes = await api.getBytes(`/api/songs/${song.id}/audio/tracks?start=${start}&samples=${count}`);
  let row = 0;
  return song.tracks!.map((track) =>
    Array.from({ length: track.silent ? 0 : track.channels }, () => new Float32Array(bytes, 4 * count * row++, count)),
  );
}

/** Gets pieces of the tracks from the server and hands them to the audio thread. */
export class TrackLoader {
  private readonly size: number;
  private readonly loading = new Map<number, Promise<void>>();
  private held = new Set<number>();

  constructor(private readonly song: Song, private readonly give: (piece: Piece, moved: Transferable[]) => void) {
    this.size = pieceSamples(song.sample_rate!);
  }

  /** What the audio thread has and needs. */
  supply({ held, missing }: Supply): void {
    this.held = new Set(held);
    for (const number of missing) void this.load(number).catch(() => undefined); // it asks again
  }

  /** Have ready what is played first. */
  async prepare(transport: Transport): Promise<void> {
    const needed = piecesFrom(transport, transport.at, this.size, FIRST_PIECES);
    await Promise.all(needed.filter((number) => !this.held.has(number)).map((number) => this.load(number)));
  }

  private load(number: number): Promise<void> {
    const started = this.loading.get(number) ?? this.fetch(number).finally(() => this.loading.delete(number));
    this.loading.set(number, started);
    return started;
  }

  private async fetch(number: number): Promise<void> {
    const tracks = await samples(this.song, number * this.size, this.size);
    const buffer = tracks.flat()[0]?.buffer as ArrayBuffer | undefined;
    this.held.add(number);
    this.give({ number, tracks }, buffer ? [buffer] : []);
  }
}

export async function studioFiles(): Promise<StudioFiles> {
  const files = await Promise.all(STUDIO_ENGINES.map(engineFiles));
  const engines = Object.fromEntries(STUDIO_ENGINES.map((name, n) => [name, files[n]])) as StudioFiles["engines"];
  return { engines, gains: tracks().map((track) => track.gain) };
}

/** Knobs of all parts, or of those that changed since the last call. */
export function turnedParts(all: boolean): Parts {
  const parts: Parts = {};
  for (const name of Object.keys(state.session.desks)) {
    const values = valuesOf(name), text = values.join();
    if (all || sent[name] !== text) parts[name] = values;
    if (!all) sent[name] = text;
  }
  return parts;
}

/** Give the analysis an excerpt of each track. */
export async function analyseTracks(analysis: Worker, song: Song, [from, to]: [number, number]): Promise<void> {
  const size = pieceSamples(song.sample_rate!);
  const excerpts = trackChannels().map((count) => Array.from({ length: count }, () => new Float32Array(to - from)));
  for (let start = from; start < to; start += size) {
    const piece = await samples(song, start, Math.min(size, to - start));
    piece.forEach((rows, track) => rows.forEach((row, c) => excerpts[track][c].set(row, start - from)));
  }
  const request: Request = { kind: "studio", files: await studioFiles(), tracks: excerpts };
  analysis.postMessage(request, excerpts.flat().map((row) => row.buffer));
}
