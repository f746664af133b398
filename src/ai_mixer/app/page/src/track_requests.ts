// What a request for several tracks holds, and what an answer means for the desks of the page.

import { audibleTracks, MASTER, state, tracks } from "./store.ts";
import { BUSES } from "./studio.ts";
import type { DeskName, Values } from "./types.ts";

type TrackSettings = Values & { name: string; role?: string };

/** Settings of the console `studio`, as `console/graph_settings.py`. */
export interface StudioSettings {
  tracks: TrackSettings[];
  buses: Record<string, Values>;
  master: Values;
}

const namesWhere = (wanted: (number: number) => boolean) => tracks().filter((_, n) => wanted(n)).map(({ name }) => name);
const muted = () => {
  const audible = audibleTracks();
  return namesWhere((n) => !audible[n]);
};

/** Roles, leads and muted tracks for a model. */
export function askedOfTracks() {
  const { tracks: choices } = state.session;
  const roles = Object.fromEntries(tracks().map(({ name }, n) => [name, choices[n].role]));
  return { roles, leads: namesWhere((n) => choices[n].lead), muted: muted() };
}

/** Settings of all audible tracks, buses and the master, and the tracks that are left out. */
export function exportOfTracks(): { settings: StudioSettings; muted: string[] } {
  const { desks, tracks: choices } = state.session;
  const of = tracks().map(({ name }, n) => ({ ...desks[n].settings, name, role: choices[n].role }) as TrackSettings & { role: any });
  const buses = Object.fromEntries(BUSES.map((bus) => [bus, desks[bus].settings]));
  return { settings: { tracks: of, buses, master: desks[MASTER].settings }, muted: muted() };
}

/** Settings by desk: of the tracks that an answer names, of the buses and the master. */
export function settingsByDesk({ tracks: of, buses, master }: StudioSettings): Record<DeskName, Values> {
  const found: Record<DeskName, Values> = { ...buses, [MASTER]: master };
  for (const { name, role: _, ...values } of of) {
    const number = tracks().findIndex((track) => track.name === name);
    if (number >= 0) found[String(number)] = values as Values;
  }
  return found;
}
