// State of the page: one object, changed by `change`, which tells everybody and saves the session.

import * as api from "./api.ts";
import { applyAmounts, neutralDesk } from "./knob.ts";
import type { Console, ConsoleName, Desk, DeskName, Info, Knob, SavedVersion, Session, Song, TrackChoice, Values, Version } from "./types.ts";

const SAVE_MS = 600;
const UNDO_STEPS = 200;
const SAME_TURN_MS = 700; // changes of one knob within this time are one step of undo

type Snapshot = Pick<Session, "console" | "desks" | "tracks">;

export const state = {
  info: null as unknown as Info,
  song: null as Song | null,
  session: null as unknown as Session,
  audible: "mix" as Version,
  matched: true,
  /** Versions in the order of the buttons while their names are hidden. */
  blind: null as Version[] | null,
  undo: [] as Snapshot[],
  redo: [] as Snapshot[],
  /** Loudness of rough and mix, for equal loudness; of the whole mix once it is known. */
  loudness: { rough: null as number | null, mix: null as number | null, reference: null as number | null },
  whole: null as { lufs: number; truePeakDb: number } | null,
};

export type Part = "song" | "knobs" | "desk" | "versions" | "audible" | "loudness";
const listeners: [Part[], () => void][] = [];

/** Call a function whenever one of these parts changes. */
export const on = (parts: Part[], listener: () => void) => listeners.push([parts, listener]);

export function changed(...parts: Part[]): void {
  for (const [wanted, listener] of listeners) if (wanted.some((part) => parts.includes(part))) listener();
}

export const MASTER = "master";
const FILE_DESKS = ["classic", "mastering"], BUS_DESKS = ["reverb", "delay"];

/** Number of the track of a desk; null for the other desks. */
export const trackOf = (name: DeskName): number | null => (/^\d+$/.test(name) ? Number(name) : null);
export const consoleName = (name: DeskName): ConsoleName =>
  trackOf(name) !== null ? "strip" : name === MASTER ? "mastering" : (name as ConsoleName);
export const consoleOf = (name: DeskName): Console => state.info.consoles[consoleName(name)];
export const consoleNow = (): Console => consoleOf(state.session.console);
export const desk = (): Desk => state.session.desks[state.session.console];
export const tracks = () => state.song?.tracks ?? [];
export const hasTracks = () => tracks().length > 0;
/** Whether each track is audible after mute and solo. */
export function audibleTracks(): boolean[] {
  const choices = state.session.tracks, solo = choices.some((each) => each.solo);
  return choices.map((each) => !each.muted && (!solo || each.solo));
}
export const valuesOf = (name: DeskName): number[] =>
  consoleOf(name).knobs.map((knob) => state.session.desks[name].settings[knob.name]);
export const knobValues = (): number[] => valuesOf(state.session.console);

const copy = <T>(value: T): T => structuredClone(value);
const snapshot = (): Snapshot =>
  copy({ console: state.session.console, desks: state.session.desks, tracks: state.session.tracks });

let lastStep = { what: "", at: 0 };

/** Remember the knobs for undo. what: repeated changes of the same thing are one step. */
function remember(what: string): void {
  const now = performance.now(), same = what === lastStep.what && now - lastStep.at < SAME_TURN_MS;
  lastStep = { what, at: now };
  if (same) return;
  state.undo.push(snapshot());
  if (state.undo.length > UNDO_STEPS) state.undo.shift();
  state.redo = [];
}

function edited(): void {
  state.whole = null;
  save();
  changed("knobs");
}

/** Turn a knob by hand: it is locked, so that amounts and models leave it alone. */
export function turn(knob: Knob, value: number, name = state.session.console): void {
  remember(`${name} ${knob.name}`);
  const d = state.session.desks[name];
  d.settings[knob.name] = value;
  if (!d.locked.includes(knob.name)) d.locked.push(knob.name);
  edited();
}

export function resetKnob(knob: Knob, name = state.session.console): void {
  turn(knob, knob.neutral, name);
}

export function toggleLock(knob: Knob): void {
  remember(`lock ${knob.name}`);
  const d = desk();
  d.locked = d.locked.includes(knob.name) ? d.locked.filter((name) => name !== knob.name) : [...d.locked, knob.name];
  edited();
}

/** Change the share of the prediction, of a section or of all. */
export function setAmount(section: string | null, amount: number): void {
  remember(`amount ${section}`);
  for (const name of section === null ? desksOfSong() : [state.session.console]) {
    const d = state.session.desks[name];
    if (section === null) d.amount = amount;
    else d.amounts[section] = amount;
    d.settings = applyAmounts(consoleOf(name), d);
  }
  edited();
}

/** Desks that the amount of all means: of several tracks all, of a file the one that is shown. */
const desksOfSong = () => (hasTracks() ? Object.keys(state.session.desks) : [state.session.console]);

/** Show another part of several tracks; nothing that is undone. */
export function showDesk(name: DeskName): void {
  state.session.console = name;
  save();
  changed("desk");
}

/** Change mute, solo, lead or role of a track. */
export function chooseTrack(number: number, choice: Partial<TrackChoice>): void {
  remember(`track ${number} ${Object.keys(choice)}`);
  Object.assign(state.session.tracks[number], choice);
  edited();
}

export function setConsole(name: ConsoleName): void {
  if (name === state.session.console) return;
  remember("console");
  state.session.console = name;
  edited();
}

/** Settings that a model answered, by desk: knobs that are locked stay. */
export function applyPrediction(answers: Record<DeskName, Values>, title: string): void {
  remember("");
  for (const [name, settings] of Object.entries(answers)) {
    const d = state.session.desks[name];
    Object.assign(d, { predicted: settings, amount: 1, amounts: {} });
    d.settings = applyAmounts(consoleOf(name), d);
  }
  const shown = Object.keys(answers);
  if (!shown.includes(state.session.console) && !hasTracks()) state.session.console = shown[0];
  edited();
  keepVersion(title);
}

export function stepBack(): void {
  exchange(state.undo, state.redo);
}

export function stepForward(): void {
  exchange(state.redo, state.undo);
}

function exchange(from: Snapshot[], to: Snapshot[]): void {
  const earlier = from.pop();
  if (!earlier) return;
  to.push(snapshot());
  Object.assign(state.session, earlier);
  lastStep = { what: "", at: 0 };
  edited();
}

export function keepVersion(title: string): void {
  const { versions, console, tracks } = state.session;
  const id = 1 + Math.max(0, ...versions.map((version) => version.id));
  const desks = Object.fromEntries(desksOfSong().map((name) => [name, shortened(name, state.session.desks[name])]));
  versions.push({ id, title, console, desks, tracks: copy(tracks) });
  save();
  changed("versions");
}

/** A desk without the values that are neutral: a song has up to 64 of them. */
function shortened(name: DeskName, full: Desk): Desk {
  const moved = (values: Values) =>
    Object.fromEntries(consoleOf(name).knobs.filter((k) => values[k.name] !== k.neutral).map((k) => [k.name, values[k.name]]));
  return { ...copy(full), settings: moved(full.settings), predicted: moved(full.predicted) };
}

/** A desk of this version of the page: what is missing is neutral. */
function completed(name: DeskName, saved?: Partial<Desk>): Desk {
  const whole = neutralDesk(consoleOf(name));
  return { ...whole, ...copy(saved), settings: { ...whole.settings, ...saved?.settings }, predicted: { ...whole.predicted, ...saved?.predicted } };
}

export function openVersion(id: number): void {
  const version = state.session.versions.find((each) => each.id === id);
  if (!version) return;
  remember("");
  if (!hasTracks()) state.session.console = version.console;
  for (const [name, saved] of Object.entries(version.desks)) state.session.desks[name] = completed(name, saved);
  if (hasTracks()) state.session.tracks = copy(version.tracks);
  edited();
}

export function removeVersion(id: number): void {
  state.session.versions = state.session.versions.filter((version) => version.id !== id);
  save();
  changed("versions");
}

export function setNotes(text: string): void {
  state.session.notes = text;
  save();
}

/** Versions as they are saved now: earlier ones had one desk. */
function versionOf(saved: SavedVersion & { desk?: Desk }): SavedVersion {
  const { desk: one, ...rest } = saved;
  return one ? { ...rest, desks: { [saved.console]: one }, tracks: [] } : saved;
}

/** Open a song with what was saved of it. Returns whether nothing was. */
export async function openSong(song: Song): Promise<boolean> {
  const saved = await api.getSession(song.id);
  state.song = song;
  const names = song.tracks ? [...song.tracks.map((_, n) => String(n)), ...BUS_DESKS, MASTER] : FILE_DESKS;
  const console = saved.console && names.includes(saved.console) ? saved.console : names[0];
  state.session = {
    console,
    desks: Object.fromEntries(names.map((name) => [name, completed(name, saved.desks?.[name])])),
    tracks: (song.tracks ?? []).map((track, n) => ({ muted: false, solo: false, lead: false, role: track.role, ...saved.tracks?.[n] })),
    versions: (saved.versions ?? []).map(versionOf),
    notes: saved.notes ?? "",
  };
  Object.assign(state, { audible: "mix", blind: null, undo: [], redo: [], whole: null });
  state.loudness = { rough: null, mix: null, reference: null };
  return !Object.keys(saved).length;
}

let timer = 0;
let failed: (message: string) => void = () => undefined;

export const onSaveFailed = (listener: (message: string) => void) => (failed = listener);

function save(): void {
  clearTimeout(timer);
  timer = window.setTimeout(() => void saveNow(), SAVE_MS);
}

export async function saveNow(): Promise<void> {
  clearTimeout(timer);
  if (state.song) await api.saveSession(state.song.id, state.session).catch((error) => failed(error.message));
}
