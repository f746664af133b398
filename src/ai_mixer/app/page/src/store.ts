// State of the page: one object, changed by `change`, which tells everybody and saves the session.

import * as api from "./api.ts";
import { applyAmounts, neutralDesk } from "./knob.ts";
import type { Console, ConsoleName, Desk, Info, Knob, Session, Song, Version } from "./types.ts";

const SAVE_MS = 600;
const UNDO_STEPS = 200;
const SAME_TURN_MS = 700; // changes of one knob within this time are one step of undo

type Snapshot = Pick<Session, "console" | "desks">;

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

export type Part = "song" | "knobs" | "versions" | "audible" | "loudness";
const listeners: [Part[], () => void][] = [];

/** Call a function whenever one of these parts changes. */
export const on = (parts: Part[], listener: () => void) => listeners.push([parts, listener]);

export function changed(...parts: Part[]): void {
  for (const [wanted, listener] of listeners) if (wanted.some((part) => parts.includes(part))) listener();
}

export const consoleNow = (): Console => state.info.consoles[state.session.console];
export const desk = (): Desk => state.session.desks[state.session.console];
export const knobValues = (): number[] => consoleNow().knobs.map((knob) => desk().settings[knob.name]);

const copy = <T>(value: T): T => structuredClone(value);
const snapshot = (): Snapshot => copy({ console: state.session.console, desks: state.session.desks });

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
export function turn(knob: Knob, value: number): void {
  remember(knob.name);
  const d = desk();
  d.settings[knob.name] = value;
  if (!d.locked.includes(knob.name)) d.locked.push(knob.name);
  edited();
}

export function resetKnob(knob: Knob): void {
  turn(knob, knob.neutral);
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
  const d = desk();
  if (section === null) d.amount = amount;
  else d.amounts[section] = amount;
  d.settings = applyAmounts(consoleNow(), d);
  edited();
}

export function setConsole(name: ConsoleName): void {
  if (name === state.session.console) return;
  remember("console");
  state.session.console = name;
  edited();
}

/** Settings that a model answered: knobs that are locked stay. */
export function applyPrediction(console: ConsoleName, settings: Record<string, number>, title: string): void {
  remember("");
  state.session.console = console;
  const d = desk();
  d.predicted = settings;
  d.amount = 1;
  d.amounts = {};
  d.settings = applyAmounts(consoleNow(), d);
  edited();
  keepVersion(title);
}

/** All knobs to neutral, unlocked. */
export function clearDesk(): void {
  remember("");
  state.session.desks[state.session.console] = neutralDesk(consoleNow());
  edited();
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
  const { versions, console } = state.session;
  const id = 1 + Math.max(0, ...versions.map((version) => version.id));
  versions.push({ id, title, console, desk: copy(desk()) });
  save();
  changed("versions");
}

export function openVersion(id: number): void {
  const version = state.session.versions.find((each) => each.id === id);
  if (!version) return;
  remember("");
  state.session.console = version.console;
  state.session.desks[version.console] = copy(version.desk);
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

/** Open a song with what was saved of it. */
export async function openSong(song: Song): Promise<void> {
  const saved = await api.getSession(song.id);
  const { consoles } = state.info;
  state.song = song;
  state.session = {
    console: saved.console ?? "classic",
    desks: {
      classic: { ...neutralDesk(consoles.classic), ...saved.desks?.classic },
      mastering: { ...neutralDesk(consoles.mastering), ...saved.desks?.mastering },
    },
    versions: saved.versions ?? [],
    notes: saved.notes ?? "",
  };
  Object.assign(state, { audible: "mix", blind: null, undo: [], redo: [], whole: null });
  state.loudness = { rough: null, mix: null, reference: null };
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
