// Knobs: scales, texts, and the sections that the page shows them in.

import type { Console, Desk, Knob, Values } from "./types.ts";

const warp = {
  linear: (value: number) => value,
  log: Math.log,
  slope: (value: number) => 1 - 1 / value,
};
const unwarp = {
  linear: (value: number) => value,
  log: Math.exp,
  slope: (value: number) => 1 / (1 - value),
};

export const clamp = (value: number, low: number, high: number) => Math.min(Math.max(value, low), high);

/** Position 0–1 of a value on the scale of a knob, as `Knob.to_position`. */
export function toPosition(knob: Knob, value: number): number {
  const to = warp[knob.scale];
  return (to(value) - to(knob.low)) / (to(knob.high) - to(knob.low));
}

export function toValue(knob: Knob, position: number): number {
  const to = warp[knob.scale];
  const low = to(knob.low);
  return clamp(unwarp[knob.scale](low + position * (to(knob.high) - low)), knob.low, knob.high);
}

/** From neutral to a value by an amount, on the scale of the knob: half of 4 dB is 2 dB. */
export function scaled(knob: Knob, value: number, amount: number): number {
  if (knob.shape || amount === 1) return value;
  const neutral = toPosition(knob, knob.neutral);
  return toValue(knob, neutral + amount * (toPosition(knob, value) - neutral));
}

export const round = (value: number, digits = 4) => Number(value.toFixed(digits));

const minus = (text: string) => text.replace("-", "−").replace(/^−(0\.?0*)$/, "$1");
const signed = (value: number, digits: number) => `${value >= 0.05 ? "+" : ""}${minus(value.toFixed(digits))}`;
export const toDb = (ratio: number) => 20 * Math.log10(ratio);

/** Value of a knob as people write it. */
export function format(knob: Knob, value: number): string {
  const { unit, name } = knob;
  if (unit === "Hz" && value === knob.neutral && knob.neutral === knob.low) return "off";
  if (unit.startsWith("dB")) return `${knob.low < 0 && unit === "dB" ? signed(value, 1) : minus(value.toFixed(1))} ${unit}`;
  if (name === "pan") return Math.abs(value) < 0.005 ? "centre" : `${Math.round(100 * Math.abs(value))} ${value < 0 ? "left" : "right"}`;
  if (name.endsWith("_send")) return value < 1e-4 ? "off" : `${minus(toDb(value).toFixed(1))} dB`;
  if (name === "feedback") return `${Math.round(value * 100)} %`;
  if (unit === "s") return `${value.toFixed(2)} s`;
  if (unit === "ratio") return name.includes("width") ? `${Math.round(value * 100)} %` : `${signed(toDb(value), 1)} dB`;
  if (unit === "wet" || unit === "share") return `${Math.round(value * 100)} %`;
  if (unit === ":1") return `${value.toFixed(1)} : 1`;
  if (unit === "Hz") return value >= 1000 ? `${(value / 1000).toFixed(2)} kHz` : `${Math.round(value)} Hz`;
  if (unit === "Q") return `Q ${value.toFixed(2)}`;
  if (unit === "ms") return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
  return `${signed(value, 1)} ${unit}`;
}

/** `band1_gain` → "Band 1 gain". */
export function label(name: string): string {
  const text = withoutUnit(name).replace(/_/g, " ").replace(/(\d)/, " $1").replace(/\beq\b/, "EQ").replace(/\bq\b/, "Q");
  return text[0].toUpperCase() + text.slice(1);
}

/** `compressor_ratio` → "Compressor ratio", without its unit: it is in the value. */
const withoutUnit = (name: string) => name.replace(/_(db|hz|ms|s)$/, (unit) => (unit === "_hz" ? "_frequency" : unit === "_db" && /shelf|peak/.test(name) ? "_gain" : ""));

const SECTION: Record<string, string> = {
  eq: "Tone",
  presence: "Tone",
  compressor: "Compressor",
  multiband: "Multiband compressor",
  saturation: "Saturation",
  delay: "Space",
  reverb: "Space",
  width: "Space",
  send: "Sends",
  gain: "Level",
};

export const sectionOf = (knob: Knob) => SECTION[knob.group] ?? "Level";

/** Sections of a console in the order of its chain, each with its knobs. */
export function sections(console: Console): [string, Knob[]][] {
  const found = new Map<string, Knob[]>();
  for (const title of ["Tone", "Compressor", "Multiband compressor", "Saturation", "Space", "Sends", "Level"])
    for (const knob of console.knobs)
      if (sectionOf(knob) === title) found.set(title, [...(found.get(title) ?? []), knob]);
  return [...found];
}

export const neutralValues = (console: Console): Values =>
  Object.fromEntries(console.knobs.map((knob) => [knob.name, knob.neutral]));

export function neutralDesk(console: Console): Desk {
  return { settings: neutralValues(console), predicted: neutralValues(console), amount: 1, amounts: {}, locked: [] };
}

/** Settings of a desk after its amounts changed: knobs that are not locked follow the prediction. */
export function applyAmounts(console: Console, desk: Desk): Values {
  const settings = { ...desk.settings };
  for (const knob of console.knobs)
    if (!desk.locked.includes(knob.name)) {
      const amount = desk.amount * (desk.amounts[sectionOf(knob)] ?? 1);
      settings[knob.name] = round(scaled(knob, desk.predicted[knob.name] ?? knob.neutral, amount));
    }
  return settings;
}
