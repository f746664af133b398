// First screen: drop a file, the sample song, songs of earlier days.

import * as api from "./api.ts";
import { $, button, element, input, safely, showMessage } from "./dom.ts";
import { state } from "./store.ts";
import type { Job, Song } from "./types.ts";

let current: Job | null = null;
let uploading: AbortController | null = null;
let open: (id: string, fresh: boolean) => Promise<void>;
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
  button("sample").disabled = Boolean(text);
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
    await open(song.id, true);
  } catch (error) {
    showMessage((error as Error).message);
    if (imported) await api.removeSong(imported).catch(() => undefined); // it cannot be opened
  } finally {
    current = uploading = null;
    showProgress(0, "");
    void showRecent();
  }
}

function uploadSong(file: File): Promise<void> {
  const { upload_bytes } = state.info.limits;
  if (file.size > upload_bytes) {
    showMessage(`${file.name} has ${megabytes(file.size)}, the limit is ${megabytes(upload_bytes)}.`);
    return Promise.resolve();
  }
  showProgress(0, "uploading …");
  uploading = new AbortController();
  return follow(api.upload("/api/songs", file, (share) => showProgress(share, "uploading …"), uploading.signal));
}

export async function showRecent(): Promise<void> {
  const songs = (await api.listSongs()).filter((song) => song.state === "ready");
  $("recent-card").hidden = !songs.length;
  const rows = songs.map((song) => {
    const entry = element("button", { type: "button", class: "entry" }, element("b", {}, song.name),
      element("small", { class: "muted" }, `${Math.round(song.duration_s ?? 0)} s, ${new Date(1000 * song.created_s).toLocaleString()}`));
    entry.addEventListener("click", safely(() => open(song.id, false)));
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
input("file").addEventListener("change", () => {
  const file = input("file").files?.[0];
  if (file) void uploadSong(file);
  input("file").value = "";
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
  const file = event.dataTransfer?.files[0];
  if (file) void ($("start").hidden ? dropReference(file) : uploadSong(file));
});
