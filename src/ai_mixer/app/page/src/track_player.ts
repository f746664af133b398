// Several tracks for the player: their audio, the engines, and the knobs that changed.

import type { Request } from "./analysis.ts";
import * as api from "./api.ts";
import { $ } from "./dom.ts";
import { engineFiles } from "./engine_files.ts";
import { audibleTracks, state, tracks, valuesOf } from "./store.ts";
import { type Parts, STUDIO_ENGINES, type StudioFiles } from "./studio.ts";
import type { Song } from "./types.ts";

export { audibleTracks };

const MAX_BYTES = 2 ** 31; // of decoded tracks in the browser
const GIB = 2 ** 30;
let sent: Record<string, string> = {}; // knobs of each part, as the audio thread has them

export const forgetTracks = () => (sent = {});

/** Audio of the tracks, in order; null for a silent one. Refused if the browser lacks the memory. */
export async function loadTracks(song: Song, context: AudioContext): Promise<(AudioBuffer | null)[]> {
  const wanted = song.tracks ?? [], samples = (song.duration_s ?? 0) * context.sampleRate;
  const bytes = wanted.reduce((sum, track) => sum + (track.silent ? 0 : 4 * track.channels * samples), 0);
  if (bytes > MAX_BYTES)
    throw new api.Refused(
      `These tracks need ${(bytes / GIB).toFixed(1)} GiB for playback, the page has ${MAX_BYTES / GIB} GiB: ` +
        "models and export work without it; mono or shorter files need less.",
    );
  const loaded: (AudioBuffer | null)[] = [];
  for (const [number, track] of wanted.entries()) {
    $("match-text").textContent = `Loading track ${number + 1} of ${wanted.length} …`;
    if (state.song?.id !== song.id) break;
    loaded.push(track.silent ? null : await context.decodeAudioData(await api.getBytes(`/api/songs/${song.id}/audio/tracks/${number}`)));
  }
  return loaded;
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
export async function analyseTracks(analysis: Worker, audio: (AudioBuffer | null)[], [from, to]: [number, number]): Promise<void> {
  const excerpts = audio.map((buffer) =>
    buffer ? Array.from({ length: buffer.numberOfChannels }, (_, c) => buffer.getChannelData(c).slice(from, to)) : [],
  );
  const request: Request = { kind: "studio", files: await studioFiles(), tracks: excerpts };
  analysis.postMessage(request, excerpts.flat().map((row) => row.buffer));
}
