// Responses of the equaliser, for drawing: the formulas of `dsp/formulas.py`, which see.

import { toDb } from "./knob.ts";
import type { Filter, Values } from "./types.ts";

type Coefficients = [number, number, number, number, number];

const resolve = (values: Values) => (argument: string | number) =>
  typeof argument === "number" ? argument : values[argument];

function angle(hz: number, rate: number): number {
  return (2 * Math.PI * Math.min(hz, 0.49 * rate)) / rate;
}

function peak(gainDb: number, hz: number, q: number, rate: number): Coefficients {
  const amplitude = 10 ** (gainDb / 40), omega = angle(hz, rate), alpha = Math.sin(omega) / (2 * q);
  const up = alpha * amplitude, down = alpha / amplitude, flat = -2 * Math.cos(omega), norm = 1 + down;
  return [(1 + up) / norm, flat / norm, (1 - up) / norm, flat / norm, (1 - down) / norm];
}

function shelf(gainDb: number, hz: number, slope: number, rate: number, sign: number): Coefficients {
  const amplitude = 10 ** (gainDb / 40), omega = angle(hz, rate), cosine = sign * Math.cos(omega);
  const steepness = (amplitude + 1 / amplitude) * (1 / slope - 1) + 2;
  const width = Math.sqrt(amplitude * steepness) * Math.sin(omega);
  const above = amplitude + 1, below = amplitude - 1, norm = above + below * cosine + width;
  return [
    (amplitude * (above - below * cosine + width)) / norm,
    (sign * 2 * amplitude * (below - above * cosine)) / norm,
    (amplitude * (above - below * cosine - width)) / norm,
    (sign * -2 * (below + above * cosine)) / norm,
    (above + below * cosine - width) / norm,
  ];
}

function lowCut(hz: number, offHz: number, rate: number): Coefficients {
  const octaves = Math.log2(Math.max(hz / offHz, 1)), v = (1 - Math.min(octaves, 1)) ** 2;
  const k = Math.tan(angle(hz, rate) / 2), w = v * k, norm = 1 + Math.SQRT2 * k + k * k;
  return [
    (1 + Math.SQRT2 * w + w * w) / norm,
    (2 * (w * w - 1)) / norm,
    (1 - Math.SQRT2 * w + w * w) / norm,
    (2 * (k * k - 1)) / norm,
    (1 - Math.SQRT2 * k + k * k) / norm,
  ];
}

function coefficients(filter: Filter, values: Values, rate: number): Coefficients {
  const [a, b, c] = filter.arguments.map(resolve(values));
  if (filter.kind === "peak") return peak(a, b, c, rate);
  if (filter.kind === "presence") return peak(toDb(a), b, c, rate);
  if (filter.kind === "low_cut") return lowCut(a, b, rate);
  return shelf(a, b, c, rate, filter.kind === "low_shelf" ? 1 : -1);
}

/** Gain in dB of all filters at frequencies. */
export function responseDb(filters: Filter[], values: Values, rate: number, hz: number[]): number[] {
  const all = filters.map((filter) => coefficients(filter, values, rate));
  return hz.map((f) => {
    const w = (2 * Math.PI * f) / rate, c1 = Math.cos(w), s1 = Math.sin(w), c2 = Math.cos(2 * w), s2 = Math.sin(2 * w);
    let db = 0;
    for (const [b0, b1, b2, a1, a2] of all) {
      const power = (b0 + b1 * c1 + b2 * c2) ** 2 + (b1 * s1 + b2 * s2) ** 2;
      db += 10 * Math.log10(Math.max(power / ((1 + a1 * c1 + a2 * c2) ** 2 + (a1 * s1 + a2 * s2) ** 2), 1e-12));
    }
    return db;
  });
}

/** Frequency and gain of a filter's handle, and the knobs that it moves. */
export function handle(filter: Filter, values: Values) {
  const [first, second] = filter.arguments;
  if (filter.kind === "low_cut") return { hz: resolve(values)(first), db: 0, gain: null, frequency: String(first), q: null };
  const gain = String(first), value = values[gain], third = filter.arguments[2];
  return {
    hz: resolve(values)(second),
    db: filter.kind === "presence" ? toDb(value) : value,
    gain,
    frequency: typeof second === "string" ? second : null,
    q: typeof third === "string" ? third : null,
  };
}
