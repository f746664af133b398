// The equaliser: curve, spectrum of the output, and points to drag.

import { handle, responseDb } from "./curves.ts";
import { $, draw, token } from "./dom.ts";
import { clamp, round } from "./knob.ts";
import { player } from "./player.ts";
import { consoleNow, desk, hasTracks, on, state, turn } from "./store.ts";
import { partTitle } from "./tracks_view.ts";
import type { Filter } from "./types.ts";

const LOW_HZ = 20, HIGH_HZ = 20_000, RANGE_DB = 9, GRAB_PX = 22, POINTS = 200;
const SPECTRUM_DB = [-100, -20];
const canvas = $<HTMLCanvasElement>("eq");
const hzAt = (share: number) => LOW_HZ * (HIGH_HZ / LOW_HZ) ** share;
const shareOf = (hz: number) => Math.log(hz / LOW_HZ) / Math.log(HIGH_HZ / LOW_HZ);
let grabbed: Filter | null = null;

const x = (hz: number) => shareOf(hz) * canvas.clientWidth;
const y = (db: number) => (0.5 - db / (2 * RANGE_DB)) * canvas.clientHeight;

function grid(g: CanvasRenderingContext2D, width: number, height: number): void {
  g.font = "11px system-ui, sans-serif";
  g.lineWidth = 1;
  for (const [hz, text] of [[50, "50"], [100, "100"], [200, "200"], [500, "500"], [1000, "1k"], [2000, "2k"], [5000, "5k"], [10_000, "10k"]] as const) {
    g.strokeStyle = token("line");
    g.beginPath();
    g.moveTo(x(hz), 0);
    g.lineTo(x(hz), height);
    g.stroke();
    g.fillStyle = token("muted");
    g.fillText(text, x(hz) + 3, height - 4);
  }
  for (const db of [-6, -3, 0, 3, 6]) {
    g.strokeStyle = db === 0 ? token("muted") : token("line");
    g.beginPath();
    g.moveTo(0, y(db));
    g.lineTo(width, y(db));
    g.stroke();
    g.fillStyle = token("muted");
    g.fillText(`${db > 0 ? "+" : ""}${db} dB`.replace("-", "−"), 3, y(db) - 3);
  }
}

function spectrum(g: CanvasRenderingContext2D, width: number, height: number): void {
  const { analyser, context } = player;
  if (!analyser || !context || !player.playing) return;
  const bins = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(bins);
  const [low, high] = SPECTRUM_DB;
  g.beginPath();
  g.moveTo(0, height);
  for (let px = 0; px <= width; px += 2) {
    const bin = (hz: number) => (hz / (context.sampleRate / 2)) * bins.length;
    const from = Math.floor(bin(hzAt(px / width))), to = Math.max(from + 1, Math.ceil(bin(hzAt((px + 2) / width))));
    let level = -200;
    for (let i = from; i < Math.min(to, bins.length); i++) level = Math.max(level, bins[i]);
    const tilted = level + 3 * Math.log2(hzAt(px / width) / 1000); // most music falls by 3 dB per octave
    g.lineTo(px, height * (1 - clamp((tilted - low) / (high - low), 0, 1)));
  }
  g.lineTo(width, height);
  g.fillStyle = token("soft");
  g.fill();
}

export function drawEq(): void {
  if (!state.song) return;
  canvas.hidden = $("eq-help").hidden = !consoleNow().filters.length;
  if (!canvas.clientWidth) return;
  const { g, width, height } = draw(canvas), { filters } = consoleNow(), values = desk().settings;
  spectrum(g, width, height);
  grid(g, width, height);
  const hz = Array.from({ length: POINTS }, (_, i) => hzAt(i / (POINTS - 1)));
  const curve = responseDb(filters, values, state.song.sample_rate ?? 44_100, hz);
  g.beginPath();
  curve.forEach((db, i) => g.lineTo(x(hz[i]), y(db)));
  g.strokeStyle = token("mix");
  g.lineWidth = 2.5;
  g.stroke();
  for (const filter of filters) {
    const at = handle(filter, values);
    g.beginPath();
    g.arc(x(at.hz), y(at.db), filter === grabbed ? 9 : 7, 0, 2 * Math.PI);
    g.fillStyle = filter === grabbed ? token("ink") : token("mix");
    g.fill();
    g.strokeStyle = token("card");
    g.lineWidth = 2;
    g.stroke();
  }
}

function nearest(event: MouseEvent): Filter | null {
  const distance = (filter: Filter) => {
    const at = handle(filter, desk().settings);
    return Math.hypot(x(at.hz) - event.offsetX, y(at.db) - event.offsetY);
  };
  const { filters } = consoleNow();
  const best = filters.reduce((a, b) => (distance(b) < distance(a) ? b : a));
  return distance(best) < GRAB_PX ? best : null;
}

function move(name: string | null, value: number, digits = 3): void {
  const knob = consoleNow().knobs.find((each) => each.name === name);
  if (knob) turn(knob, round(clamp(value, knob.low, knob.high), digits));
}

canvas.addEventListener("pointerdown", (event) => {
  grabbed = nearest(event);
  if (!grabbed) return;
  canvas.setPointerCapture(event.pointerId);
  event.preventDefault();
});
canvas.addEventListener("pointermove", (event) => {
  canvas.style.cursor = grabbed || nearest(event) ? "grab" : "";
  if (!grabbed) return;
  const at = handle(grabbed, desk().settings), db = (1 - (2 * event.offsetY) / canvas.clientHeight) * RANGE_DB;
  move(at.gain, grabbed.kind === "presence" ? 10 ** (db / 20) : db);
  if (at.frequency) move(at.frequency, hzAt(event.offsetX / canvas.clientWidth), 1);
});
for (const name of ["pointerup", "pointercancel"])
  canvas.addEventListener(name, () => {
    grabbed = null;
    drawEq();
  });
canvas.addEventListener("dblclick", (event) => {
  const filter = nearest(event), at = filter && handle(filter, desk().settings);
  const knob = consoleNow().knobs.find((each) => each.name === (at?.gain ?? at?.frequency));
  if (knob) turn(knob, knob.neutral);
});
canvas.addEventListener("wheel", (event) => {
  const filter = nearest(event), q = filter && handle(filter, desk().settings).q;
  if (!q) return;
  event.preventDefault();
  move(q, desk().settings[q] * 1.1 ** -Math.sign(event.deltaY));
}, { passive: false });

on(["knobs", "song", "desk"], () => {
  if (state.song) $("eq-title").textContent = hasTracks() ? partTitle() : "Equaliser";
  drawEq();
});
