// Level of the output: peaks, loudness, true peak.

import { $, button, element } from "./dom.ts";
import { clamp, toDb } from "./knob.ts";
import { integrated, recent, SILENCE } from "./loudness.ts";
import { player, setLevelsListener } from "./player.ts";
import { consoleNow, consoleOf, hasTracks, MASTER, on, state } from "./store.ts";

const LOWEST_DB = -60, FALL_DB = 1.5, MAX_STEPS = 36_000; // an hour
const FIGURES = ["Momentary", "Short-term", "Integrated", "True peak", "Whole mix", "Its true peak"] as const;
const fields = new Map(FIGURES.map((name) => [name, element("dd", { class: "figure" }, "–")]));
const bars = [$("bar-left"), $("bar-right")];
let steps: number[] = [];
let truePeak = 0;
let shown = "";
const held = [LOWEST_DB, LOWEST_DB];

const REDUCTION_NAMES = ["Limiter", "Compressor", "Low band", "Mid band", "High band"];
const FULL_REDUCTION_DB = 12;
const reductionRows = REDUCTION_NAMES.map((name) => {
  const bar = element("i", { class: "reduction", "aria-hidden": "true" }), value = element("dd", { class: "figure" }, "0.0 dB");
  const row = element("div", {}, element("dt", {}, name), bar, value);
  $("reductions").append(row);
  return { row, bar, value };
});

function showReductions(reductions: ArrayLike<number>): void {
  reductionRows.forEach(({ bar, value }, index) => {
    const db = reductions[index] ?? 0;
    bar.style.setProperty("--level", String(clamp(db / FULL_REDUCTION_DB, 0, 1)));
    value.textContent = `${db < 0.05 ? "0.0" : `−${db.toFixed(1)}`} dB`;
  });
}

for (const [name, field] of fields) $("meters").append(element("div", {}, element("dt", {}, name), field));

const lufs = (value: number) => (value <= SILENCE ? "–" : `${value.toFixed(1)} LUFS`.replace("-", "−"));
const dbtp = (value: number) => (value < -90 ? "–" : `${value.toFixed(1)} dBTP`.replace("-", "−"));

function reset(): void {
  steps = [];
  truePeak = 0;
  held.fill(LOWEST_DB);
  for (const bar of bars) bar.style.setProperty("--level", "0");
  showReductions([]);
  show();
}

function show(): void {
  fields.get("Momentary")!.textContent = lufs(recent(steps, 4));
  fields.get("Short-term")!.textContent = lufs(recent(steps, 30));
  fields.get("Integrated")!.textContent = lufs(integrated(steps));
  fields.get("True peak")!.textContent = dbtp(toDb(Math.max(truePeak, 1e-6)));
  const { whole } = state;
  fields.get("Whole mix")!.textContent = whole ? lufs(whole.lufs) : "–";
  fields.get("Its true peak")!.textContent = whole ? dbtp(whole.truePeakDb) : "–";
}

setLevelsListener((levels) => {
  if (!player.playing) return;
  steps.push(...levels.powers);
  if (steps.length > MAX_STEPS) steps = steps.slice(-MAX_STEPS);
  truePeak = Math.max(truePeak, levels.truePeak);
  levels.peaks.forEach((peak, c) => {
    held[c] = Math.max(toDb(Math.max(peak, 1e-6)), held[c] - FALL_DB);
    bars[c].style.setProperty("--level", String(clamp(1 - held[c] / LOWEST_DB, 0, 1)));
  });
  showReductions(levels.reductions);
  show();
});

button("reset-meter").addEventListener("click", reset);
on(["loudness", "knobs"], show);
on(["knobs", "song"], () => {
  const console = hasTracks() ? consoleOf(MASTER) : state.song && consoleNow(); // of several tracks: the master
  const groups = new Set(console?.knobs.map((knob) => knob.group));
  for (const name of ["Whole mix", "Its true peak"] as const) fields.get(name)!.parentElement!.hidden = hasTracks();
  reductionRows.forEach(({ row }, index) => (row.hidden = index > 1 && !groups.has("multiband")));
});
on(["audible", "song"], () => {
  const now = `${state.song?.id} ${state.audible} ${state.matched}`;
  if (now !== shown) reset(); // the loudness of two versions is not one loudness
  shown = now;
});
