// The list of tracks: mute, solo, lead, fader, pan, role; and which part the knobs below belong to.

import { $, element } from "./dom.ts";
import { clamp, format, round, toPosition, toValue } from "./knob.ts";
import { audibleTracks, chooseTrack, consoleOf, hasTracks, MASTER, on, resetKnob, showDesk, state, tracks, turn } from "./store.ts";
import type { Knob, Track, TrackChoice } from "./types.ts";

const STEPS = 1000;
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const list = $("tracks"), parts = $("parts");
const PARTS: [string, string][] = [["reverb", "Reverb"], ["delay", "Delay"], [MASTER, "Master"]];
let updates: (() => void)[] = [];
let shown = "";

function toggle(number: number, key: "muted" | "solo" | "lead", text: string, name: string, help: string): HTMLButtonElement {
  const made = element("button", { type: "button", class: `toggle ${key}`, "aria-label": `${help.split(":")[0]} ${name}`, title: help }, text);
  made.addEventListener("click", () => chooseTrack(number, { [key]: !state.session.tracks[number][key] }));
  updates.push(() => made.setAttribute("aria-pressed", String(state.session.tracks[number][key])));
  return made;
}

function slider(number: number, knob: Knob, name: string, what: string): HTMLElement {
  const desk = String(number);
  const made = element("input", { type: "range", min: 0, max: STEPS, step: 1, "aria-label": `${what} of ${name}`, id: `${knob.name}-${desk}` });
  const value = element("output", { class: "figure small", for: made.id });
  const neutral = element("i", { class: "neutral", "aria-hidden": "true" });
  neutral.style.setProperty("--at", String(toPosition(knob, knob.neutral)));
  made.addEventListener("input", () => turn(knob, round(toValue(knob, Number(made.value) / STEPS)), desk));
  made.addEventListener("dblclick", () => resetKnob(knob, desk));
  made.addEventListener("keydown", ({ key }) => {
    if (key === "Delete" || key === "Backspace") resetKnob(knob, desk);
  });
  updates.push(() => {
    const current = state.session.desks[desk].settings[knob.name], at = clamp(toPosition(knob, current), 0, 1);
    if (Math.round(Number(made.value)) !== Math.round(at * STEPS)) made.value = String(at * STEPS);
    made.style.setProperty("--at", String(knob.name === "pan" ? 0 : at)); // a pan has no amount
    value.textContent = format(knob, current);
    made.setAttribute("aria-valuetext", value.textContent);
  });
  return element("div", { class: `strip-slider ${what.toLowerCase()}` }, element("div", { class: "track" }, neutral, made), value);
}

function roleMenu(number: number, name: string): HTMLSelectElement {
  const made = element("select", { "aria-label": `Role of ${name}`, class: "small" }, element("option", { value: "" }, "no role"));
  for (const role of state.info.tracks.roles) made.append(element("option", { value: role }, role));
  made.addEventListener("change", () => chooseTrack(number, { role: made.value || null } satisfies Partial<TrackChoice>));
  updates.push(() => (made.value = state.session.tracks[number].role ?? ""));
  return made;
}

function row(track: Track, number: number): HTMLElement {
  const knobs = consoleOf(String(number)).knobs, name = track.name.replace(/\.[^.]+$/, "");
  const knob = (wanted: string) => knobs.find((each) => each.name === wanted)!;
  const open = element("button", { type: "button", class: "entry name", title: track.name }, name);
  open.addEventListener("click", () => showPart(String(number)));
  updates.push(() => open.setAttribute("aria-pressed", String(state.session.console === String(number))));
  if (track.silent) return element("li", { class: "strip silent" }, open, element("span", { class: "muted small" }, "silent: left out of the mix"));
  const made = element("li", { class: "strip" }, open,
    element("div", { class: "toggles" },
      toggle(number, "muted", "M", name, "Mute"),
      toggle(number, "solo", "S", name, "Solo"),
      toggle(number, "lead", "Lead", name, "Lead: in front when a model is asked")),
    slider(number, knob("fader_db"), name, "Fader"), slider(number, knob("pan"), name, "Pan"), roleMenu(number, name));
  updates.push(() => made.classList.toggle("off", !audibleTracks()[number]));
  return made;
}

/** Show the knobs of a part, below the list: with many tracks they would be out of sight. */
function showPart(name: string): void {
  showDesk(name);
  $("eq-title").closest("section")!.scrollIntoView({ block: "nearest", behavior: calm.matches ? "auto" : "smooth" });
}

function partButton([name, title]: [string, string]): HTMLElement {
  const made = element("button", { type: "button" }, title);
  made.addEventListener("click", () => showPart(name));
  updates.push(() => made.setAttribute("aria-pressed", String(state.session.console === name)));
  return made;
}

/** Name of the part whose knobs are shown. */
export function partTitle(): string {
  const name = state.session.console, part = PARTS.find(([each]) => each === name);
  return part ? part[1] : (tracks()[Number(name)]?.name ?? "").replace(/\.[^.]+$/, "");
}

function summary(): string {
  const audible = audibleTracks().filter((on, n) => on && !tracks()[n].silent).length;
  const solo = state.session.tracks.some((each) => each.solo);
  const text = `${audible} of ${tracks().length} tracks are audible`;
  return solo ? `${text}: solo is on, and an export has only these.` : `${text}.`;
}

on(["song", "knobs", "desk"], () => {
  if (!state.song) return;
  $("tracks-card").hidden = !hasTracks();
  for (const each of document.querySelectorAll<HTMLElement>("[data-for=file]")) each.hidden = hasTracks();
  for (const each of document.querySelectorAll<HTMLElement>("[data-for=tracks]")) each.hidden = !hasTracks();
  if (!hasTracks()) return;
  if (shown !== state.song.id) {
    shown = state.song.id;
    updates = [];
    const heads = ["Track", "", "Fader", "Pan", "Role"].map((text) => element("span", {}, text));
    list.replaceChildren(element("li", { class: "strip strip-head muted small", "aria-hidden": "true" }, ...heads), ...tracks().map(row));
    parts.replaceChildren(...PARTS.map(partButton));
  }
  for (const update of updates) update();
  $("tracks-summary").textContent = summary();
});
