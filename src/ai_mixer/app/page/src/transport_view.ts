// Play, versions, loop, and the waveform.

import { $, button, draw, input, time, token } from "./dom.ts";
import * as p from "./player.ts";
import * as v from "./selection.ts";
import { changed, on, setConsole, setNotes, state } from "./store.ts";
import type { Spectrogram } from "./analysis.ts";
import type { ConsoleName, Version } from "./types.ts";

const canvas = $<HTMLCanvasElement>("waveform");
const slider = input("position");
let peaks: { of: AudioBuffer; width: number; rows: Float32Array } | null = null;
let drag: { from: number; moved: boolean } | null = null;

function roughPeaks(width: number): Float32Array {
  const buffer = p.player.audio.rough!;
  if (peaks?.of === buffer && peaks.width === width) return peaks.rows;
  const rows = new Float32Array(width);
  for (let c = 0; c < buffer.numberOfChannels; c++) {
    const data = buffer.getChannelData(c), step = data.length / width;
    for (let column = 0; column < width; column++)
      for (let i = Math.floor(column * step); i < Math.floor((column + 1) * step); i++)
        rows[column] = Math.max(rows[column], Math.abs(data[i]));
  }
  peaks = { of: buffer, width, rows };
  return rows;
}

/** Levels in bands over time; the one of the mix while it is audible and known. */
function drawSpectrogram(g: CanvasRenderingContext2D, width: number, height: number): void {
  const picture = (!state.blind && state.audible === "mix" && p.player.spectrograms.mix) || p.player.spectrograms.rough;
  if (!picture) return;
  g.imageSmoothingEnabled = true;
  g.drawImage(pictureOf(picture), 0, 0, width, height);
}

const pictures = new WeakMap<Uint8Array, { dark: boolean; canvas: HTMLCanvasElement }>();
const dark = matchMedia("(prefers-color-scheme: dark)");

function pictureOf({ levels, columns }: Spectrogram): HTMLCanvasElement {
  const known = pictures.get(levels);
  if (known?.dark === dark.matches) return known.canvas;
  const bands = levels.length / columns, made = document.createElement("canvas");
  [made.width, made.height] = [columns, bands];
  const g = made.getContext("2d")!, image = g.createImageData(columns, bands);
  const from = dark.matches ? [20, 21, 23] : [245, 244, 241], to = dark.matches ? [150, 240, 225] : [0, 60, 55];
  levels.forEach((level, i) => {
    const column = Math.floor(i / bands), row = bands - 1 - (i % bands), at = 4 * (row * columns + column);
    for (let c = 0; c < 3; c++) image.data[at + c] = from[c] + ((to[c] - from[c]) * level) / 255;
    image.data[at + 3] = 255;
  });
  g.putImageData(image, 0, 0);
  pictures.set(levels, { dark: dark.matches, canvas: made });
  return made;
}

let showsSpectrogram = false;

function drawWaveform(): void {
  const { rough } = p.player.audio;
  if (!rough || !canvas.clientWidth) return;
  const { g, width, height } = draw(canvas), middle = height / 2;
  const bars = (rows: Float32Array, colour: string, alpha: number, scale: number) => {
    g.fillStyle = colour;
    g.globalAlpha = alpha;
    for (let px = 0; px < width; px++) {
      const peak = Math.min(1, rows[Math.floor((px / width) * rows.length)] * scale);
      g.fillRect(px, middle - peak * middle, 1, Math.max(1, 2 * peak * middle));
    }
    g.globalAlpha = 1;
  };
  const gains = v.gains();
  const mix = p.player.mixWaveform;
  if (showsSpectrogram) drawSpectrogram(g, width, height);
  else if (state.blind) bars(roughPeaks(Math.round(width)), token("muted"), 0.6, gains.rough);
  else {
    bars(roughPeaks(Math.round(width)), token("rough"), state.audible === "rough" ? 0.9 : 0.45, gains.rough);
    if (mix && state.whole) bars(mix, token("mix"), state.audible === "mix" ? 0.75 : 0.4, gains.mix);
  }
  const { loop } = p.player, x = (s: number) => (s / p.duration()) * width;
  if (loop) {
    g.fillStyle = token("ink");
    g.globalAlpha = 0.12;
    g.fillRect(x(loop.from), 0, x(loop.to) - x(loop.from), height);
    g.globalAlpha = 1;
  }
  g.fillStyle = token("ink");
  g.fillRect(Math.round(x(p.position())) - 1, 0, 2, height);
}

/** Draw what moves during playback. */
export function drawPosition(): void {
  if (!p.player.audio.rough) return;
  drawWaveform();
  const at = p.position();
  slider.value = String(at);
  slider.style.setProperty("--at", String(at / p.duration()));
  slider.setAttribute("aria-valuetext", time(at));
  $("time").textContent = `${time(at)} / ${time(p.duration())}`;
}

const secondsAt = (event: PointerEvent) => (event.offsetX / canvas.clientWidth) * p.duration();

canvas.addEventListener("pointerdown", (event) => {
  drag = { from: secondsAt(event), moved: false };
  canvas.setPointerCapture(event.pointerId);
});
canvas.addEventListener("pointermove", (event) => {
  if (!drag) return;
  const to = secondsAt(event);
  if (Math.abs(to - drag.from) < p.duration() * 0.01 && !drag.moved) return;
  drag.moved = true;
  p.setLoop({ from: Math.min(drag.from, to), to: Math.max(drag.from, to) });
});
canvas.addEventListener("pointerup", (event) => {
  if (drag && !drag.moved) p.seek(secondsAt(event));
  drag = null;
});
slider.addEventListener("input", () => p.seek(Number(slider.value)));
button("play").addEventListener("click", p.togglePlayback);
button("clear-loop").addEventListener("click", () => p.setLoop(null));
input("repeat").addEventListener("change", () => p.setRepeat(input("repeat").checked));
input("matched").addEventListener("change", () => v.setMatched(input("matched").checked));
const versionButtons = [...document.querySelectorAll<HTMLButtonElement>("[data-version]")];
const NAMES: Record<Version, string> = { rough: "Rough", mix: "Mix", reference: "Reference" };
versionButtons.forEach((each, index) => each.addEventListener("click", () => v.select(v.order()[index])));
input("blind").addEventListener("change", () => v.setBlind(input("blind").checked));
button("vote").addEventListener("click", vote);
button("picture").addEventListener("click", () => {
  showsSpectrogram = !showsSpectrogram;
  button("picture").setAttribute("aria-pressed", String(showsSpectrogram));
  button("picture").textContent = showsSpectrogram ? "Waveform" : "Spectrogram";
  drawPosition();
});

/** With hidden names: vote for the audible version, which shows the names and is noted. */
export function vote(): void {
  if (!state.blind) return;
  const chosen = NAMES[state.audible], others = state.blind.filter((version) => version !== state.audible);
  setNotes(`${state.session.notes}${state.session.notes && "\n"}Without names: ${chosen} rather than ${others.map((v) => NAMES[v]).join(", ")}.`);
  v.setBlind(false);
  changed("song");
  $("match-text").textContent = `You chose ${chosen}.`;
}

function showVersions(): void {
  const order = v.order();
  versionButtons.forEach((each, index) => {
    const version = order[index];
    each.hidden = !version;
    each.setAttribute("aria-pressed", String(version === state.audible));
    each.disabled = version === "reference" && !p.player.audio.reference;
    each.lastChild!.textContent = ` ${state.blind ? "ABC"[index] : NAMES[version]}`;
  });
  document.body.dataset.audible = state.blind ? "hidden" : state.audible;
  input("blind").checked = state.blind !== null;
  input("matched").disabled = state.blind !== null;
  button("vote").hidden = state.blind === null;
}
for (const each of document.querySelectorAll<HTMLButtonElement>("[data-console]"))
  each.addEventListener("click", () => setConsole(each.dataset.console as ConsoleName));

function matchText(): string {
  if (state.blind) return "Equally loud, in a random order.";
  const { rough, mix } = state.loudness;
  if (p.player.refused) return `Without playback: ${p.player.refused}`;
  if (rough === null || mix === null) return "Measuring the loudness …";
  const louder = mix - rough;
  if (Math.abs(louder) < 0.1) return "Rough and mix are equally loud as they are.";
  const text = `The mix is ${Math.abs(louder).toFixed(1)} dB ${louder > 0 ? "louder" : "quieter"} than the rough`;
  return state.matched ? `${text}; here both are equally loud.` : `${text}.`;
}

on(["song", "audible", "loudness", "knobs"], () => {
  if (!state.song) return;
  showVersions();
  $("play-label").textContent = p.player.playing ? "Pause" : "Play";
  for (const each of document.querySelectorAll<HTMLButtonElement>("[data-console]"))
    each.setAttribute("aria-pressed", String(each.dataset.console === state.session.console));
  input("repeat").checked = p.player.repeat;
  input("matched").checked = state.matched;
  button("clear-loop").hidden = !p.player.loop;
  slider.max = String(p.duration());
  $("match-text").textContent = matchText();
  drawPosition();
});

dark.addEventListener("change", () => changed("audible", "knobs"));
