// Types of the server's answers, and of the page's state.

export type Scale = "linear" | "log" | "slope";
/** Consoles of one file; the parts of several tracks, whose master is "mastering". */
export type ConsoleName = "classic" | "mastering" | "strip" | "reverb" | "delay";
/** Name of a desk: a console of one file; of several tracks "0", "1" …, "reverb", "delay", "master". */
export type DeskName = string;
export type Version = "rough" | "mix" | "reference";
export type Values = Record<string, number>;

export interface Knob {
  name: string;
  unit: string;
  low: number;
  high: number;
  neutral: number;
  scale: Scale;
  group: string;
  shape: boolean;
}

export interface Filter {
  kind: "peak" | "presence" | "low_shelf" | "high_shelf" | "low_cut";
  arguments: (string | number)[];
}

export interface Console {
  knobs: Knob[];
  filters: Filter[];
}

export interface Model {
  name: string;
  title: string;
  about: string;
  console: ConsoleName;
}

export interface Info {
  version: string;
  limits: { upload_bytes: number; duration_s: number };
  consoles: Record<ConsoleName, Console>;
  models: Model[];
  tracks: { models: { name: string; title: string; about: string }[]; roles: string[]; max: number };
  styles: Record<string, string>;
  targets: string[];
  formats: string[];
}

export interface Measured {
  loudness_lufs: number;
  true_peak_dbtp: number;
  range_lu: number;
}

export interface Audio {
  sample_rate: number;
  channels: number;
  duration_s: number;
  loudest_s: number;
  measured: Measured;
  notes: string[];
  file: string;
}

/** A track as it is stored on the server. gain: in front of its strip. */
export interface Track {
  name: string;
  role: string | null;
  channels: number;
  silent: boolean;
  gain: number;
  lufs: number;
}

/** What a visitor chose for a track. */
export interface TrackChoice {
  muted: boolean;
  solo: boolean;
  lead: boolean;
  role: string | null;
}

export interface Song extends Partial<Audio> {
  id: string;
  name: string;
  state: "new" | "ready" | "failed";
  created_s: number;
  reference?: Audio;
  tracks?: Track[];
}

export interface Job {
  id: string;
  kind: string;
  song: string;
  state: "queued" | "running" | "done" | "failed" | "cancelled";
  progress: number;
  message: string;
  error: string;
  result: Record<string, any>;
}

/** Settings of one console. predicted: what a model answered; amounts: shares of it per section. */
export interface Desk {
  settings: Values;
  predicted: Values;
  amount: number;
  amounts: Record<string, number>;
  locked: string[];
}

/** desks: values of all desks that are not neutral, by their names. */
export interface SavedVersion {
  id: number;
  title: string;
  console: DeskName;
  desks: Record<DeskName, Desk>;
  tracks: TrackChoice[];
}

/** What is saved on the server, and what undo goes back to, except for the versions. */
export interface Session {
  console: DeskName;
  desks: Record<DeskName, Desk>;
  tracks: TrackChoice[];
  versions: SavedVersion[];
  notes: string;
}
