"use strict";
// Plays one version at a time, in a loop. All have the same length, so a change keeps the position.

const CROSSFADE_S = 0.01; // long enough to avoid clicks
const buttons = [...document.querySelectorAll("button")];
const buffers = new Map();
let context = null; // created on the first click: browsers require a user gesture
let playing = null;
let requestId = 0; // a decoding that finishes late must not start an outdated request

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
  gain.gain.setValueAtTime(1, now).linearRampToValueAtTime(0, now + CROSSFADE_S);
  source.stop(now + CROSSFADE_S);
  playing = null;
}

function play(button, buffer) {
  const now = context.currentTime;
  const offset = playing ? (now - playing.startTime) % buffer.duration : 0;
  stop();
  const gain = new GainNode(context, { gain: 0 });
  gain.gain.setValueAtTime(0, now).linearRampToValueAtTime(1, now + CROSSFADE_S);
  const source = new AudioBufferSourceNode(context, { buffer, loop: true });
  source.connect(gain).connect(context.destination);
  source.start(now, offset);
  playing = { button, source, gain, startTime: now - offset };
}

function updateButtons() {
  for (const button of buttons) button.setAttribute("aria-pressed", button === playing?.button);
}

async function toggleVersion(button) {
  context ??= new AudioContext();
  const thisRequest = ++requestId;
  if (playing?.button === button) stop();
  else {
    const buffer = await bufferOf(button.dataset.sound);
    if (thisRequest !== requestId) return;
    play(button, buffer);
  }
  updateButtons();
}

for (const button of buttons) button.onclick = () => toggleVersion(button);
document.onkeydown = ({ key }) => {
  if (key !== "Escape") return;
  requestId += 1;
  stop();
  updateButtons();
};
