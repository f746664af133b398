// Level of what is heard: peaks, loudness, true peak.

import { $, button, element } from "./dom.ts";
import { clamp, toDb } from "./knob.ts";
import { integrated, recent, SILENCE } from "./loudness.ts";
import { player, setLevelsListener } from "./player.ts";
import { on, state } from "./store.ts";

const LOWEST_DB = -60, FALL_DB = 1.5, MAX_STEPS = 36_000; // an hour
const FIGURES = ["Momentary", "Short-term", "Integrated", "True peak", "Whole mix", "Its true peak"] as const;
const fields = new Map(FIGURES.map((name) => [name, element("dd", { class: "figure" }, "–")]));
const bars = [$("bar-left"), $("bar-right")];
let steps: number[] = [];
let truePeak = 0;
let heard = "";
const held = [LOWEST_DB, LOWEST_DB];

for (const [name, field] of fields) $("meters").append(element("div", {}, element("dt", {}, name), field));

const lufs = (value: number) => (value <= SILENCE ? "–" : `${value.toFixed(1)} LUFS`.replace("-", "−"));
const dbtp = (value: number) => (value < -90 ? "–" : `${value.toFixed(1)} dBTP`.replace("-", "−"));

function reset(): void {
  steps = [];
  truePeak = 0;
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
  show();
});

button("reset-meter").addEventListener("click", reset);
on(["loudness", "knobs"], show);
on(["audible", "song"], () => {
  const now = `${state.song?.id} ${state.audible} ${state.matched}`;
  if (now !== heard) reset(); // the loudness of two versions is not one loudness
  heard = now;
});
