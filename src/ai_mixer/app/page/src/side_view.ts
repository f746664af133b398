// Beside the knobs: the model, versions and notes, the reference, export.

import * as api from "./api.ts";
import { $, button, element, input, safely } from "./dom.ts";
import { format, label, toPosition } from "./knob.ts";
import { loadReference } from "./player.ts";
import * as store from "./store.ts";
import { consoleNow, desk, on, state } from "./store.ts";
import type { ConsoleName, Job, Knob } from "./types.ts";

const RULES = "rules"; // the entry of the mastering console, which needs no model
const model = $<HTMLSelectElement>("model"), style = $<HTMLSelectElement>("style");
const target = $<HTMLSelectElement>("target"), fileFormat = $<HTMLSelectElement>("format");
const TARGET_TEXT: Record<string, string> = {
  "as heard": "as on this page",
  song: "as the song",
  streaming: "streaming (−14 LUFS)",
  broadcast: "broadcast (−23 LUFS)",
  mastering: "loud master",
};

/** Fill the menus; once. */
export function setUpMenus(): void {
  const { info } = state;
  for (const each of info.models) model.append(element("option", { value: each.name }, each.title));
  model.append(element("option", { value: RULES }, "Mastering"));
  style.append(element("option", { value: "" }, "none: the model alone"));
  for (const [name, about] of Object.entries(info.styles))
    style.append(element("option", { value: name, title: about }, `${name[0].toUpperCase()}${name.slice(1)}`));
  for (const name of ["as heard", "song", ...info.targets.slice(1)])
    target.append(element("option", { value: name }, TARGET_TEXT[name] ?? name));
  for (const name of info.formats) fileFormat.append(element("option", { value: name }, name.toUpperCase()));
}

const chosen = (): { console: ConsoleName; model: string | null; about: string } => {
  const found = state.info.models.find((each) => each.name === model.value);
  const about = "Tone, dynamics and width after statistics of finished music, with the full mastering console.";
  return found ? { console: found.console, model: found.name, about: found.about } : { console: "mastering", model: null, about };
};

let askJob: Job | null = null;
let exportJob: Job | null = null;
let shownConsole: ConsoleName = "classic";

const progressText = (job: Job) =>
  job.state === "queued" ? "Waiting for other jobs …" : `${job.message || "starting"} … ${Math.round(job.progress * 100)} %`;

export async function ask(): Promise<void> {
  const song = state.song!, { console, model: name } = chosen(), status = $("ask-status");
  const at = state.session.desks[console];
  const locked = Object.fromEntries(at.locked.map((knob) => [knob, at.settings[knob]]));
  const reference = input("use-reference").checked && !input("use-reference").disabled;
  button("ask").disabled = button("ask-all").disabled = true;
  try {
    askJob = await api.predict(song.id, { console, model: name, style: style.value || null, locked, reference });
    button("ask-cancel").hidden = false;
    const result = await api.finished(askJob, (job) => (status.textContent = progressText(job)));
    if (state.song?.id !== song.id) return;
    store.applyPrediction(result.console, result.settings, style.value ? `${result.about}, ${style.value}` : result.about);
    const moved = consoleNow().knobs.filter((knob) => Math.abs(desk().settings[knob.name] - knob.neutral) > 1e-4);
    status.textContent = result.note || `Done: ${moved.length} of ${consoleNow().knobs.length} knobs are set.`;
  } catch (error) {
    status.textContent = (error as Error).message;
  } finally {
    askJob = null;
    button("ask").disabled = button("ask-all").disabled = false;
    button("ask-cancel").hidden = true;
  }
}

/** A version per model that suits this console, to compare. */
async function askAll(): Promise<void> {
  for (const each of state.info.models) {
    model.value = each.name;
    await ask();
    if (!$("ask-status").textContent!.startsWith("Done")) return;
  }
}

async function exportMix(): Promise<void> {
  const song = state.song!, status = $("export-status");
  button("export").disabled = true;
  try {
    await store.saveNow();
    const wanted = target.value === "song" ? null : target.value;
    const body = { console: state.session.console, settings: desk().settings, format: fileFormat.value, target: wanted };
    exportJob = await api.exportMix(song.id, body);
    button("export-cancel").hidden = false;
    const result = await api.finished(exportJob, (job) => (status.textContent = progressText(job)));
    status.textContent = result.notes.join(" ") || "Done.";
    for (const name of result.files as string[])
      $("exports").append(element("li", {}, element("a", { href: api.exportPath(song.id, result.id, name), download: name }, name)));
  } catch (error) {
    status.textContent = (error as Error).message;
  } finally {
    exportJob = null;
    button("export").disabled = false;
    button("export-cancel").hidden = true;
  }
}

export async function uploadReference(file: File): Promise<void> {
  const song = state.song!, status = $("reference-status");
  try {
    const { job } = await api.upload(`/api/songs/${song.id}/reference`, file, (share) => {
      status.textContent = `uploading … ${Math.round(share * 100)} %`;
    });
    await api.finished(job, (each) => (status.textContent = progressText(each)));
    if (state.song?.id !== song.id) return;
    state.song = await api.getSong(song.id);
    await loadReference(state.song);
    input("use-reference").checked = true;
    status.textContent = "";
    store.changed("song");
  } catch (error) {
    status.textContent = (error as Error).message;
  }
}

/** What a version does, in a few words: the knobs that moved most. */
function describe(console: ConsoleName, settings: Record<string, number>): string {
  const travel = (knob: Knob) => Math.abs(toPosition(knob, settings[knob.name]) - toPosition(knob, knob.neutral));
  const moved = state.info.consoles[console].knobs.filter((knob) => !knob.shape && travel(knob) > 0.01);
  moved.sort((a, b) => travel(b) - travel(a));
  const texts = moved.slice(0, 3).map((knob) => `${label(knob.name)} ${format(knob, settings[knob.name])}`);
  return texts.join(", ") + (moved.length > 3 ? " …" : "") || "neutral";
}

button("ask").addEventListener("click", safely(ask));
button("ask-all").addEventListener("click", safely(askAll));
button("ask-cancel").addEventListener("click", safely(() => askJob && api.cancelJob(askJob.id)));
button("export").addEventListener("click", safely(exportMix));
button("export-cancel").addEventListener("click", safely(() => exportJob && api.cancelJob(exportJob.id)));
button("undo").addEventListener("click", store.stepBack);
button("redo").addEventListener("click", store.stepForward);
button("keep").addEventListener("click", () => store.keepVersion("By hand"));
input("amount").addEventListener("input", () => store.setAmount(null, Number(input("amount").value)));
$("notes").addEventListener("input", () => store.setNotes($<HTMLTextAreaElement>("notes").value));
input("reference-file").addEventListener("change", () => {
  const file = input("reference-file").files?.[0];
  if (file) void uploadReference(file);
  input("reference-file").value = "";
});
model.addEventListener("change", () => store.changed("versions"));

on(["song", "knobs", "versions"], () => {
  if (!state.song) return;
  const { amount } = desk();
  if (shownConsole !== state.session.console && chosen().console !== state.session.console)
    model.value = state.info.models.find((each) => each.console === state.session.console)?.name ?? RULES;
  shownConsole = state.session.console;
  input("amount").value = String(amount);
  input("amount").style.setProperty("--at", String(amount));
  $("amount-text").textContent = `${Math.round(amount * 100)} %`;
  input("amount").setAttribute("aria-valuetext", $("amount-text").textContent!);
  button("undo").disabled = !state.undo.length;
  button("redo").disabled = !state.redo.length;
  $("model-about").textContent = chosen().about;
  button("ask").textContent = chosen().console === "mastering" ? "Master this song" : "Mix this song";
});

on(["song", "versions"], () => {
  if (!state.song) return;
  const rows = state.session.versions.map((version) => {
    const open = element("button", { type: "button", class: "entry" },
      element("b", {}, `${version.id}. ${version.title}`),
      element("small", { class: "muted" }, describe(version.console, version.desk.settings)));
    open.addEventListener("click", () => store.openVersion(version.id));
    const remove = element("button", { type: "button", class: "small", "aria-label": `Remove version ${version.id}` }, "×");
    remove.addEventListener("click", () => store.removeVersion(version.id));
    return element("li", { class: "row" }, open, remove);
  });
  $("history").replaceChildren(...(rows.length ? rows : [element("li", { class: "muted small" }, "What a model answers, and what you keep, is listed here.")]));
});

on(["song"], () => {
  if (!state.song) return;
  const { reference } = state.song;
  $<HTMLTextAreaElement>("notes").value = state.session.notes;
  $("reference-text").textContent = reference
    ? `${reference.file}, ${reference.measured.loudness_lufs.toFixed(1)} LUFS`
    : "A song whose sound you like, to compare with.";
  input("use-reference").disabled = !reference;
});

/** Forget what belongs to the song before. */
export function clearSide(): void {
  for (const id of ["ask-status", "export-status", "reference-status"]) $(id).textContent = "";
  $("exports").replaceChildren();
  input("use-reference").checked = false;
}
