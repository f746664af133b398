"use strict";
// One sound at a time, again and again. All are of one length: a change goes on at the same place.

const FADE_S = 0.01; // long enough not to click
const buttons = [...document.querySelectorAll("button")];
const buffers = new Map();
let context = null; // made on the first press: browsers want a gesture
let playing = null;
let presses = 0; // so that a slow decoding cannot answer an old press

function bufferOf(id) {
  if (!buffers.has(id)) {
    const text = atob(document.getElementById(id).textContent);
    const bytes = Uint8Array.from(text, (byte) => byte.charCodeAt(0));
    buffers.set(id, context.decodeAudioData(bytes.buffer));
  }
  return buffers.get(id);
}

function stop() {
  if (!playing) return;
  const { source, gain } = playing;
  const now = context.currentTime;
  gain.gain.setValueAtTime(1, now).linearRampToValueAtTime(0, now + FADE_S);
  source.stop(now + FADE_S);
  playing = null;
}

function play(button, buffer) {
  const now = context.currentTime;
  const at = playing ? (now - playing.began) % buffer.duration : 0;
  stop();
  const gain = new GainNode(context, { gain: 0 });
  gain.gain.setValueAtTime(0, now).linearRampToValueAtTime(1, now + FADE_S);
  const source = new AudioBufferSourceNode(context, { buffer, loop: true });
  source.connect(gain).connect(context.destination);
  source.start(now, at);
  playing = { button, source, gain, began: now - at };
}

function show() {
  for (const button of buttons) button.setAttribute("aria-pressed", button === playing?.button);
}

async function press(button) {
  context ??= new AudioContext();
  const mine = ++presses;
  if (playing?.button === button) stop();
  else {
    const buffer = await bufferOf(button.dataset.sound);
    if (mine !== presses) return;
    play(button, buffer);
  }
  show();
}

for (const button of buttons) button.onclick = () => press(button);
document.onkeydown = ({ key }) => {
  if (key !== "Escape") return;
  presses += 1;
  stop();
  show();
};
