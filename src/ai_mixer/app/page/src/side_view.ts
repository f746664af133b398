// Beside the knobs: the model, versions and notes, the reference, export.

import * as api from "./api.ts";
import { $, button, element, input, safely } from "./dom.ts";
import { format, label, toPosition } from "./knob.ts";
import { loadReference } from "./player.ts";
import * as store from "./store.ts";
import { consoleOf, desk, hasTracks, on, state } from "./store.ts";
import { askedOfTracks, exportOfTracks, settingsByDesk } from "./track_requests.ts";
import type { ConsoleName, Desk, DeskName, Job, Knob } from "./types.ts";

const EQUAL = "equal"; // several tracks without a model
const RULES = "rules"; // the entry of the mastering console, which needs no model
const model = $<HTMLSelectElement>("model"), style = $<HTMLSelectElement>("style");
const target = $<HTMLSelectElement>("target"), fileFormat = $<HTMLSelectElement>("format");
const TARGET_TEXT: Record<string, string> = {
  "audible": "as on this page",
  song: "as the song",
  streaming: "streaming (−14 LUFS)",
  broadcast: "broadcast (−23 LUFS)",
  mastering: "loud master",
};

/** Fill the menus; once. */
export function setUpMenus(): void {
  const { info } = state;
  style.append(element("option", { value: "" }, "none: the model alone"));
  for (const [name, about] of Object.entries(info.styles))
    style.append(element("option", { value: name, title: about }, `${name[0].toUpperCase()}${name.slice(1)}`));
  for (const name of info.formats) fileFormat.append(element("option", { value: name }, name.toUpperCase()));
}

/** Menus that a file and several tracks have differently. */
function setUpSong(): void {
  const { info } = state, several = hasTracks(), last = several ? [EQUAL, "Equal loudness"] : [RULES, "Mastering"];
  const models = several ? info.tracks.models : info.models;
  model.replaceChildren(...[...models.map(({ name, title }) => [name, title]), last].map(([value, title]) => element("option", { value }, title)));
  const targets = ["audible", ...(several ? [] : ["song"]), ...info.targets.slice(1)];
  button("ask-all").hidden = models.length < 2;
  target.replaceChildren(...targets.map((value) => element("option", { value }, TARGET_TEXT[value] ?? value)));
}

const ABOUT = {
  [RULES]: "Tone, dynamics and width after statistics of finished music, with the full mastering console.",
  [EQUAL]: "All tracks equally loud and in the middle, the lead 3 dB louder: a start to balance by hand.",
};

const chosen = (): { console: ConsoleName; model: string | null; title: string; about: string } => {
  const models: { name: string; title: string; about: string; console?: ConsoleName }[] = hasTracks() ? state.info.tracks.models : state.info.models;
  const found = models.find((each) => each.name === model.value);
  if (found) return { console: found.console ?? "strip", model: found.name, title: found.title, about: found.about };
  return hasTracks()
    ? { console: "strip", model: null, title: "Equal loudness", about: ABOUT[EQUAL] }
    : { console: "mastering", model: null, title: "Mastering", about: ABOUT[RULES] };
};

let askJob: Job | null = null;
let exportJob: Job | null = null;
let shownConsole = "classic";

const percent = (share: number) => `${Math.round(share * 100)} %`;

function progressText(job: Job): string {
  const { state, progress } = api.engine;
  const engine = state === "ready" ? "" : ` The engine is being prepared, once per installation: ${percent(progress)}.`;
  if (job.state === "queued") return `Waiting for other jobs …${engine}`;
  return `${job.message || "starting"} … ${percent(job.progress)}${engine && `.${engine}`}`;
}

/** Ask for the settings of the song: a job, whose result has them. */
function request(): Promise<Job> {
  const song = state.song!, { console, model: name } = chosen();
  const reference = input("use-reference").checked && !input("use-reference").disabled;
  if (hasTracks()) return api.predictTracks(song.id, { ...askedOfTracks(), model: name, reference });
  const at = state.session.desks[console];
  const locked = Object.fromEntries(at.locked.map((knob) => [knob, at.settings[knob]]));
  return api.predict(song.id, { console, model: name, style: style.value || null, locked, reference });
}

export async function ask(): Promise<void> {
  const song = state.song!, status = $("ask-status"), { title, model: name } = chosen();
  button("ask").disabled = button("ask-all").disabled = true;
  try {
    askJob = await request();
    button("ask-cancel").hidden = false;
    const result = await api.finished(askJob, (job) => (status.textContent = progressText(job)));
    if (state.song?.id !== song.id) return;
    const answers = hasTracks() ? settingsByDesk(result.settings) : { [result.console]: result.settings };
    const about = hasTracks() ? title : result.about;
    store.applyPrediction(answers, style.value && !hasTracks() ? `${about}, ${style.value}` : about);
    const done = hasTracks() && !name ? "all tracks are equally loud; balance them with the faders." : `${movedKnobs(Object.keys(answers))} knobs are set.`;
    status.textContent = result.note || `Done: ${done}`;
  } catch (error) {
    status.textContent = (error as Error).message;
  } finally {
    askJob = null;
    button("ask").disabled = button("ask-all").disabled = false;
    button("ask-cancel").hidden = true;
  }
}

/** How far a knob is from neutral on its scale; 0 for a value that is absent. */
const travel = (knob: Knob, value?: number) => (value === undefined ? 0 : Math.abs(toPosition(knob, value) - toPosition(knob, knob.neutral)));

/** "3 of 10": knobs of desks that are not neutral. */
function movedKnobs(names: DeskName[]): string {
  const moved = names.flatMap((name) => consoleOf(name).knobs.map((knob) => travel(knob, state.session.desks[name].settings[knob.name])));
  return `${moved.filter((distance) => distance > 1e-3).length} of ${moved.length}`;
}

/** A version per model that suits this console, to compare. */
async function askAll(): Promise<void> {
  for (const each of hasTracks() ? state.info.tracks.models : state.info.models) {
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
    const body = { format: fileFormat.value, target: wanted, daw: input("daw").checked };
    exportJob = hasTracks()
      ? await api.exportTracks(song.id, { ...body, ...exportOfTracks(), stems: input("stems").checked })
      : await api.exportMix(song.id, { ...body, console: state.session.console, settings: desk().settings });
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
function describe(desks: Record<DeskName, Desk>): string {
  const found = Object.entries(desks).flatMap(([name, { settings }]) =>
    consoleOf(name).knobs.filter((knob) => !knob.shape).map((knob) => ({ name, knob, far: travel(knob, settings[knob.name]) })),
  );
  const moved = found.filter(({ far }) => far > 0.01).sort((a, b) => b.far - a.far);
  const text = ({ name, knob }: (typeof moved)[0]) => `${whose(name)}${label(knob.name)} ${format(knob, desks[name].settings[knob.name])}`;
  return moved.slice(0, 3).map(text).join(", ") + (moved.length > 3 ? " …" : "") || "neutral";
}

/** Name of a track in front of its knob. */
const whose = (name: DeskName) => (store.trackOf(name) === null ? "" : `${store.tracks()[Number(name)]?.name.replace(/\.[^.]+$/, "")}: `);

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

on(["song"], () => state.song && setUpSong());

on(["song", "knobs", "versions", "desk"], () => {
  if (!state.song) return;
  const { amount } = desk();
  if (!hasTracks() && shownConsole !== state.session.console && chosen().console !== state.session.console)
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
      element("small", { class: "muted" }, describe(version.desks)));
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
