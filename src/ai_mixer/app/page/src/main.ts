// Start: what there is to choose from, the connection, and which of the two screens is shown.

import * as api from "./api.ts";
import { $, safely, showMessage } from "./dom.ts";
import { drawEq } from "./eq_view.ts";
import "./keys.ts";
import "./knobs_view.ts";
import "./meters_view.ts";
import * as player from "./player.ts";
import { ask, clearSide, setUpMenus, uploadReference } from "./side_view.ts";
import { setUpStart, showRecent } from "./start_view.ts";
import * as store from "./store.ts";
import "./tracks_view.ts";
import { drawPosition } from "./transport_view.ts";

const songInAddress = () => new URLSearchParams(location.hash.slice(1)).get("song");

/** Open a song; one that was never opened is mixed at once. */
async function open(id: string): Promise<void> {
  const song = await api.getSong(id);
  const fresh = await store.openSong(song);
  history.replaceState(null, "", `#song=${id}`);
  clearSide();
  show(true);
  $("title").textContent = song.name;
  document.title = `${song.name} – ai_mixer`;
  document.body.dataset.state = "loading";
  $("match-text").textContent = "Loading the song …";
  const refused = await player.load(song).then(() => "", (error: Error) => error.message);
  if (store.state.song !== song) return; // another one was opened meanwhile
  player.player.refused = refused;
  document.body.dataset.state = "ready";
  store.changed("song", "knobs", "versions", "audible", "loudness");
  if (fresh) await ask();
}

function show(mixer: boolean): void {
  $("mixer").hidden = !mixer;
  $("start").hidden = mixer;
}

async function goHome(): Promise<void> {
  await store.saveNow();
  player.unload();
  store.state.song = null;
  history.replaceState(null, "", "#");
  $("title").textContent = "";
  document.title = "ai_mixer";
  show(false);
  await showRecent();
  document.body.dataset.state = "start";
}

function animate(): void {
  if (player.player.playing) {
    drawPosition();
    drawEq();
  }
  requestAnimationFrame(animate);
}

function showEngine(): void {
  const { state, progress } = api.engine;
  $("engine").hidden = state === "ready";
  $<HTMLProgressElement>("engine-bar").value = progress;
}

async function start(): Promise<void> {
  store.state.info = await api.getInfo();
  setUpMenus();
  setUpStart(open, uploadReference);
  api.followEvents((online) => ($("offline").hidden = online), showEngine);
  store.onSaveFailed((text) => showMessage(`Your changes are not saved: ${text}`));
  const id = songInAddress();
  const opened = id && (await open(id).then(() => true, (error) => showMessage(error.message)));
  if (!opened) {
    show(false);
    await showRecent();
  }
}

$("home").addEventListener("click", (event) => {
  event.preventDefault();
  void safely(goHome)();
});
addEventListener("resize", () => {
  drawPosition();
  drawEq();
});
addEventListener("pagehide", () => void store.saveNow());
requestAnimationFrame(animate);
void safely(start)();
