// Types of the server's answers, and of the page's state.

export type Scale = "linear" | "log" | "slope";
export type ConsoleName = "classic" | "mastering";
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

export interface Song extends Partial<Audio> {
  id: string;
  name: string;
  state: "new" | "ready" | "failed";
  created_s: number;
  reference?: Audio;
}

export interface Job {
  id: string;
  kind: "import" | "demo" | "predict" | "export";
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

export interface SavedVersion {
  id: number;
  title: string;
  console: ConsoleName;
  desk: Desk;
}

/** What is saved on the server, and what undo goes back to, except for the versions. */
export interface Session {
  console: ConsoleName;
  desks: Record<ConsoleName, Desk>;
  versions: SavedVersion[];
  notes: string;
}
