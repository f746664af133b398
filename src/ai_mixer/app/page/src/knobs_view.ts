// Sliders of all knobs, in sections with an amount, each with a lock.

import { $, element } from "./dom.ts";
import { clamp, format, label, round, sections, toPosition, toValue } from "./knob.ts";
import { consoleName, consoleNow, desk, hasTracks, on, resetKnob, setAmount, state, toggleLock, turn } from "./store.ts";
import type { Knob } from "./types.ts";

const STEPS = 1000; // of a slider
const place = $("knobs");
let updates: (() => void)[] = [];
let shown = "";

/** Label within a section: "Threshold" instead of "Compressor threshold". */
function shortLabel(knob: Knob, section: string): string {
  const text = label(knob.name), short = text.startsWith(`${section} `) ? text.slice(section.length + 1) : text;
  return short[0].toUpperCase() + short.slice(1);
}

function knobRow(knob: Knob, section: string): HTMLElement {
  const id = `knob-${knob.name}`;
  const slider = element("input", { type: "range", id, min: 0, max: STEPS, step: 1, "aria-label": label(knob.name) });
  const value = element("output", { for: id, class: "figure" });
  const lock = element("button", { type: "button", class: "lock", "aria-label": `Lock ${label(knob.name)}` });
  const neutral = element("i", { class: "neutral", "aria-hidden": "true" });
  neutral.style.setProperty("--at", String(toPosition(knob, knob.neutral)));
  slider.addEventListener("input", () => turn(knob, round(toValue(knob, Number(slider.value) / STEPS))));
  slider.addEventListener("dblclick", () => resetKnob(knob));
  slider.addEventListener("keydown", (event) => {
    if (event.key === "Delete" || event.key === "Backspace") resetKnob(knob);
  });
  lock.addEventListener("click", () => toggleLock(knob));
  updates.push(() => {
    const current = desk().settings[knob.name], locked = desk().locked.includes(knob.name);
    const position = clamp(toPosition(knob, current), 0, 1), text = format(knob, current);
    if (Math.round(Number(slider.value)) !== Math.round(position * STEPS)) slider.value = String(position * STEPS);
    slider.style.setProperty("--at", String(knob.name === "pan" ? 0 : position)); // a pan has no amount
    slider.setAttribute("aria-valuetext", text);
    value.textContent = text;
    lock.setAttribute("aria-pressed", String(locked));
    lock.title = locked ? "Locked: the model and the amount leave it" : "Free";
    row.dataset.moved = String(Math.abs(position - toPosition(knob, knob.neutral)) > 1e-4);
  });
  const track = element("div", { class: "track" }, neutral, slider);
  const row = element("div", { class: "knob" }, element("label", { for: id }, shortLabel(knob, section)), track, value, lock);
  return row;
}

function sectionCard(title: string, knobs: Knob[]): HTMLElement {
  const rows = knobs.map((knob) => knobRow(knob, title));
  if (knobs.every((knob) => knob.shape)) // nothing that an amount changes
    return element("section", { class: "card", "aria-label": title }, element("h2", { class: "section-head" }, title), ...rows);
  const id = `amount-${title.toLowerCase().replace(/ /g, "-")}`;
  const amount = element("input", { type: "range", id, min: 0, max: 1, step: 0.01, "aria-label": `Amount of ${title}` });
  const text = element("output", { for: id, class: "figure small muted" });
  amount.addEventListener("input", () => setAmount(title, Number(amount.value)));
  updates.push(() => {
    const share = desk().amounts[title] ?? 1;
    amount.value = String(share);
    amount.style.setProperty("--at", String(share));
    text.textContent = `${Math.round(share * 100)} %`;
    amount.setAttribute("aria-valuetext", text.textContent);
  });
  const head = element("div", { class: "row section-head" }, element("h2", { class: "grow" }, title), amount, text);
  return element("section", { class: "card", "aria-label": title }, head, ...rows);
}

on(["song", "knobs", "desk"], () => {
  if (!state.song) return;
  const now = `${consoleName(state.session.console)} ${hasTracks() ? state.session.console : ""}`;
  if (shown !== now) {
    updates = [];
    shown = now;
    place.replaceChildren(...sections(consoleNow()).map(([title, knobs]) => sectionCard(title, knobs)));
  }
  for (const update of updates) update();
});
