// First screen: drop a file, the sample song, songs of earlier days.

import * as api from "./api.ts";
import { $, button, element, input, safely, showMessage } from "./dom.ts";
import { state } from "./store.ts";
import type { Job, Song } from "./types.ts";

let current: Job | null = null;
let uploading: AbortController | null = null;
let open: (id: string) => Promise<void>;
let dropReference: (file: File) => unknown;

const megabytes = (bytes: number) =>
  bytes >= 2 ** 30 ? `${Number((bytes / 2 ** 30).toFixed(1))} GiB` : `${Math.ceil(bytes / 2 ** 20)} MiB`;

/** openSong: shows a song. reference: what happens to a file that is dropped on the other screen. */
export function setUpStart(openSong: typeof open, reference: typeof dropReference): void {
  [open, dropReference] = [openSong, reference];
  const { upload_bytes, duration_s } = state.info.limits;
  $("limits").textContent =
    `WAV, FLAC, MP3, M4A, OGG, Opus, AIFF or a video, up to ${megabytes(upload_bytes)} and ${Math.round(duration_s / 60)} minutes. ` +
    "Nothing leaves this computer.";
}

function showProgress(share: number, text: string): void {
  $("progress").hidden = !text;
  $<HTMLProgressElement>("progress-bar").value = share;
  $("progress-text").textContent = text;
  button("sample").disabled = button("sample-tracks").disabled = Boolean(text);
}

/** Wait for a new song, then open it. */
async function follow(start: Promise<{ song: Song; job: Job }>): Promise<void> {
  let imported: string | null = null;
  try {
    const { song, job } = await start;
    [current, imported] = [job, song.id];
    await api.finished(job, ({ progress, message, state: now }) =>
      showProgress(progress, now === "queued" ? "Waiting for other jobs …" : `${message || "starting"} …`),
    );
    imported = null;
    await open(song.id);
  } catch (error) {
    showMessage((error as Error).message);
    if (imported) await api.removeSong(imported).catch(() => undefined); // it cannot be opened
  } finally {
    current = uploading = null;
    showProgress(0, "");
    void showRecent();
  }
}

/** Whether files may be uploaded; says why not. */
function allowed(files: File[]): boolean {
  const { upload_bytes } = state.info.limits, { max } = state.info.tracks, large = files.find((file) => file.size > upload_bytes);
  if (large) showMessage(`${large.name} has ${megabytes(large.size)}, the limit is ${megabytes(upload_bytes)}.`);
  if (files.length > max) showMessage(`These are ${files.length} tracks, the limit is ${max}.`);
  return !large && files.length <= max;
}

/** One file is a song, several are its tracks. folder: the name of the song, if it has one. */
async function uploadFiles(files: File[], folder = ""): Promise<void> {
  if (!files.length) return showMessage("There is no audio file in this folder.");
  if (!allowed(files)) return;
  showProgress(0, "uploading …");
  uploading = new AbortController();
  const { signal } = uploading;
  if (files.length === 1 && !folder) await follow(api.upload("/api/songs", files[0], (share) => showProgress(share, "uploading …"), signal));
  else await follow(uploadTracks(files, folder || songName(files), signal));
}

async function uploadTracks(files: File[], name: string, signal: AbortSignal): Promise<{ song: Song; job: Job }> {
  const song = await api.createTrackSong(name);
  try {
    const whole = files.reduce((sum, file) => sum + file.size, 0);
    let done = 0;
    for (const file of files) {
      await api.upload(`/api/songs/${song.id}/tracks`, file, (share) => showProgress((done + share * file.size) / whole, `uploading ${file.name} …`), signal);
      done += file.size;
      if (signal.aborted) throw new api.Refused("Cancelled.");
    }
    return await api.importTracks(song.id);
  } catch (error) {
    await api.removeSong(song.id).catch(() => undefined);
    throw error;
  }
}

/** What the names of files have in common, else their number. */
function songName(files: File[]): string {
  const [first, ...others] = files.map(({ name }) => name.replace(/\.[^.]+$/, ""));
  let length = first.length;
  for (const other of others) while (!other.startsWith(first.slice(0, length))) length--;
  const common = first.slice(0, length).replace(/[^\p{L}\p{N})]+$/u, "");
  return common.length > 2 ? common : `${files.length} tracks`;
}

const AUDIO_NAME = /\.(wav|flac|mp3|m4a|ogg|opus|aiff?|wave|w64|caf)$/i;
const MIX_NAME = /^(.*[ _-])?(mix|mixture|mixdown|master)$/i; // a mix of the tracks is no track

/** The audio files among files of a folder, without mixes of all of them. */
function tracksAmong(files: File[]): File[] {
  const audio = files.filter((file) => AUDIO_NAME.test(file.name) && !file.name.startsWith("."));
  const kept = audio.filter((file) => !MIX_NAME.test(file.name.replace(/\.[^.]+$/, "")));
  const left = audio.filter((file) => !kept.includes(file));
  if (left.length && kept.length) showMessage(`Left out, because a mix is no track: ${left.map((file) => file.name).join(", ")}.`);
  return (kept.length ? kept : audio).sort((a, b) => a.name.localeCompare(b.name));
}

/** Files of a dropped folder and of those in it. */
async function filesBelow(entry: FileSystemEntry): Promise<File[]> {
  if (entry.isFile) return [await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject))];
  const reader = (entry as FileSystemDirectoryEntry).createReader(), found: File[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return found;
    for (const each of some) found.push(...(await filesBelow(each)));
  }
}

async function drop(data: DataTransfer): Promise<void> {
  const files = [...data.files], entries = [...data.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  if (!$("start").hidden) {
    const folder = entries.find((entry) => entry.isDirectory);
    if (folder) await uploadFiles(tracksAmong(await filesBelow(folder)), folder.name);
    else if (files.length) await uploadFiles(files);
  } else if (files.length) await dropReference(files[0]);
}

export async function showRecent(): Promise<void> {
  const songs = (await api.listSongs()).filter((song) => song.state === "ready");
  $("recent-card").hidden = !songs.length;
  const rows = songs.map((song) => {
    const entry = element("button", { type: "button", class: "entry" }, element("b", {}, song.name),
      element("small", { class: "muted" }, `${song.tracks ? `${song.tracks.length} tracks, ` : ""}${Math.round(song.duration_s ?? 0)} s, ${new Date(1000 * song.created_s).toLocaleString()}`));
    entry.addEventListener("click", safely(() => open(song.id)));
    const remove = element("button", { type: "button", class: "small", "aria-label": `Remove ${song.name}` }, "Remove");
    remove.addEventListener("click", safely(async () => {
      await api.removeSong(song.id);
      await showRecent();
    }));
    return element("li", { class: "row" }, entry, remove);
  });
  $("recent").replaceChildren(...rows);
}

button("sample").addEventListener("click", () => {
  showProgress(0, "composing a song …");
  void follow(api.composeSample());
});
button("cancel").addEventListener("click", safely(() => (current ? api.cancelJob(current.id) : uploading?.abort())));
button("sample-tracks").addEventListener("click", () => {
  showProgress(0, "composing a song …");
  void follow(api.composeTracks());
});
for (const id of ["file", "folder"])
  input(id).addEventListener("change", () => {
    const files = [...(input(id).files ?? [])], folder = files[0]?.webkitRelativePath.split("/")[0];
    input(id).value = "";
    if (files.length) void safely(() => uploadFiles(folder ? tracksAmong(files) : files, folder))();
  });
addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dropping");
});
addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("dropping");
});
addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  const { dataTransfer } = event;
  if (dataTransfer) void safely(() => drop(dataTransfer))();
});
