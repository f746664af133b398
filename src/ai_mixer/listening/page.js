"use strict";

const VERSIONS = ["rough", "mix", "finished"];
const NAMES = { rough: "Rough", mix: "Mix", finished: "Finished" };
const FADE_S = 0.01; // long enough not to click, too short to hear as a fade
const AHEAD_S = 0.02; // the three versions are told to start a moment from now, together
const METER_FLOOR_DB = -60;

const { songs } = JSON.parse(document.getElementById("data").textContent);
const element = (id) => document.getElementById(id);
const state = { song: 0, version: "mix", playing: false, loop: true, matched: true, at: 0 };

let context = null; // made on the first press of play: browsers want a gesture
let analyser = null;
let voice = null; // what sounds now: three sources started together, a gain each, one way out
let decoded = { song: -1, buffers: null }; // one song at a time: decoded audio is large
let dragging = false; // the hand is on the position: do not move it away
let wish = 0; // counts presses, so that a slow decoding cannot answer an old one

// ---- sound ----------------------------------------------------------------------------------

function openContext() {
  if (context) return;
  const rate = songs[state.song].sampleRate;
  try {
    context = new AudioContext({ sampleRate: rate });
  } catch {
    context = new AudioContext(); // a rate this machine cannot play: the browser resamples
  }
  analyser = new AnalyserNode(context, { fftSize: 2048 });
  analyser.connect(context.destination);
}

async function buffersOf(song) {
  if (decoded.song === song) return decoded.buffers;
  const decode = (version) => {
    const text = atob(element(`audio-${song}-${version}`).textContent);
    return context.decodeAudioData(Uint8Array.from(text, (byte) => byte.charCodeAt(0)).buffer);
  };
  const list = await Promise.all(VERSIONS.map(decode));
  const buffers = Object.fromEntries(VERSIONS.map((version, i) => [version, list[i]]));
  decoded = { song, buffers };
  return buffers;
}

function gainOf(version) {
  if (version !== state.version) return 0;
  const { restore, matching } = songs[state.song];
  return restore[version] * (state.matched ? 10 ** (matching[version].db / 20) : 1);
}

function ramp(parameter, value) {
  const now = context.currentTime;
  parameter.cancelScheduledValues(now);
  parameter.setValueAtTime(parameter.value, now);
  parameter.linearRampToValueAtTime(value, now + FADE_S);
}

function startVoice(buffers, offset) {
  const out = new GainNode(context, { gain: 0 });
  out.connect(analyser);
  const when = context.currentTime + AHEAD_S;
  const fresh = { out, when, offset, sources: {}, gains: {} };
  for (const version of VERSIONS) {
    const gain = new GainNode(context, { gain: gainOf(version) });
    const source = new AudioBufferSourceNode(context, { buffer: buffers[version], loop: state.loop });
    source.connect(gain).connect(out);
    source.start(when, offset);
    fresh.gains[version] = gain;
    fresh.sources[version] = source;
  }
  fresh.sources.mix.onended = () => {
    if (voice !== fresh) return;
    stopVoice();
    state.playing = false;
    state.at = 0;
    show();
  };
  ramp(out.gain, 1);
  voice = fresh;
}

function stopVoice() {
  if (!voice) return;
  const { out, sources } = voice;
  voice = null;
  ramp(out.gain, 0);
  for (const source of Object.values(sources)) source.stop(context.currentTime + 2 * FADE_S);
  setTimeout(() => out.disconnect(), 200);
}

function position() {
  if (!voice) return state.at;
  const { seconds } = songs[state.song];
  const at = voice.offset + Math.max(0, context.currentTime - voice.when);
  return state.loop ? at % seconds : Math.min(voice.looped ? at % seconds : at, seconds);
}

// ---- what a listener does -------------------------------------------------------------------

async function play() {
  const mine = ++wish;
  state.playing = true;
  say("");
  show();
  try {
    openContext();
    const waiting = setTimeout(() => say("Unpacking …"), 300);
    const [buffers] = await Promise.all([buffersOf(state.song), context.resume()]);
    clearTimeout(waiting);
    if (mine !== wish) return;
    stopVoice();
    startVoice(buffers, state.at);
    say("");
  } catch (error) {
    if (mine === wish) pause();
    say(`This browser could not play the song: ${error.message}`);
  }
  show();
}

function pause() {
  wish += 1;
  state.at = position();
  stopVoice();
  state.playing = false;
  show();
}

function seek(seconds) {
  state.at = Math.min(Math.max(0, seconds), songs[state.song].seconds - 0.01);
  if (state.playing) play();
  show();
}

function choose(version) {
  state.version = version;
  fadeToChoice();
  show();
}

function fadeToChoice() {
  if (!voice) return;
  for (const version of VERSIONS) ramp(voice.gains[version].gain, gainOf(version));
}

function open(song) {
  const goOn = state.playing;
  pause();
  state.song = (song + songs.length) % songs.length;
  state.at = 0;
  draw();
  show();
  if (goOn) play();
}

function setLoop(on) {
  if (voice) {
    voice.looped = true; // from now on the clock may be more than one round ahead
    for (const source of Object.values(voice.sources)) source.loop = on;
  }
  state.loop = on;
  show();
}

function setMatched(on) {
  state.matched = on;
  fadeToChoice();
  show();
}

// ---- what is on the page --------------------------------------------------------------------

function make(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

function clock(seconds) {
  const tenths = Math.floor(seconds * 10 + 1e-6);
  const rest = (tenths % 600) / 10;
  return `${Math.floor(tenths / 600)}:${rest.toFixed(1).padStart(4, "0")}`;
}

function say(text) {
  element("status").textContent = text;
}

/** All that changes with the song. */
function draw() {
  const song = songs[state.song];
  element("name").textContent = song.name;
  element("about").textContent = song.about.replaceAll("_", " ");
  element("length").textContent = clock(song.seconds);
  element("position").max = song.seconds;
  const pictures = VERSIONS.map((version) => drawPicture(song, version));
  element("pictures").replaceChildren(...pictures, make("div", { id: "playhead", className: "playhead" }));
  element("settings").replaceChildren(...song.settings.map(drawSetting));
  element("settings-card").hidden = song.settings.length === 0;
  element("truth-key").hidden = !song.settings.some((row) => row.true !== null);
  element("masked-note").hidden = !song.settings.some((row) => row.masked);
  element("metrics").replaceChildren(
    ...song.metrics.flatMap(([name, text]) => [
      make("dt", { textContent: name }),
      make("dd", { textContent: text }),
    ]),
  );
  element("metrics-card").hidden = song.metrics.length === 0;
}

function drawPicture(song, version) {
  const figure = make("figure");
  figure.dataset.version = version;
  figure.append(
    make("img", {
      src: song.pictures[version],
      alt: `Spectrogram of the ${version} version: time to the right, pitch upwards`,
    }),
    make("figcaption", { textContent: NAMES[version] }),
  );
  for (const [text, height] of song.ticks) {
    const tick = make("span", { className: "tick", textContent: text, ariaHidden: "true" });
    tick.style.bottom = `${100 * height}%`;
    figure.append(tick);
  }
  return figure;
}

function drawSetting(row) {
  const bar = make("div", { className: "bar", title: `Range: ${row.range}` });
  const put = (className, at, width) => {
    const mark = make("span", { className });
    mark.style.left = `${100 * at}%`;
    if (width !== undefined) mark.style.width = `${100 * width}%`;
    bar.append(mark);
  };
  put("fill", Math.min(row.at, row.neutral), Math.abs(row.at - row.neutral));
  put("neutral", row.neutral);
  if (row.trueAt !== null) put("true", row.trueAt);
  put("chosen", row.at);
  bar.setAttribute("role", "img");
  bar.setAttribute("aria-label", `${Math.round(100 * row.at)} % of the way in ${row.range}`);
  return make(
    "tr",
    { className: row.masked ? "masked" : "" },
    make("th", { scope: "row", textContent: row.label }),
    make("td", { className: "travel" }, bar),
    make("td", { textContent: row.value }),
    make("td", { className: "true-value", textContent: row.true ?? "–" }),
  );
}

/** All that changes with a press. */
function show() {
  const song = songs[state.song];
  Object.assign(document.body.dataset, {
    playing: state.playing,
    source: state.version,
    song: state.song,
    matched: state.matched,
    loop: state.loop,
  });
  element("play-label").textContent = state.playing ? "Pause" : "Play";
  for (const button of document.querySelectorAll("button[data-version]"))
    button.setAttribute("aria-pressed", button.dataset.version === state.version);
  for (const figure of document.querySelectorAll("figure[data-version]"))
    figure.classList.toggle("chosen", figure.dataset.version === state.version);
  document.querySelectorAll("#songs button").forEach((button, index) => {
    button.setAttribute("aria-current", index === state.song);
  });
  const applied = VERSIONS.map((version) => `${version} ${song.matching[version].text}`).join(", ");
  element("matching").textContent = state.matched
    ? `Volume evened out so you compare sound, not loudness: ${applied}.`
    : "Every version plays at its own volume: the louder one tends to seem better.";
  showTime();
}

function showTime() {
  const { seconds } = songs[state.song];
  const at = position();
  element("now").textContent = clock(at);
  element("position").setAttribute("aria-valuetext", `${at.toFixed(0)} of ${seconds.toFixed(0)} seconds`);
  if (!dragging) element("position").value = at;
  element("playhead").style.left = `${(100 * at) / seconds}%`;
}

function levelDb() {
  if (!voice) return -Infinity;
  const samples = new Float32Array(analyser.fftSize);
  analyser.getFloatTimeDomainData(samples);
  const power = samples.reduce((sum, x) => sum + x * x, 0) / samples.length;
  return 10 * Math.log10(power);
}

function showLevel() {
  const level = levelDb();
  const shown = Math.min(0, Math.max(METER_FLOOR_DB, level));
  const meter = element("meter");
  meter.firstElementChild.style.transform = `scaleX(${1 - shown / METER_FLOOR_DB})`;
  meter.setAttribute("aria-valuenow", Math.round(shown));
  element("level").textContent =
    level > METER_FLOOR_DB ? `${level.toFixed(0).replace("-", "−")} dB` : "–";
}

function frame() {
  showTime();
  showLevel();
  requestAnimationFrame(frame);
}

// ---- hands ----------------------------------------------------------------------------------

function toggle() {
  if (state.playing) pause();
  else play();
}

function seekToPointer(event) {
  const box = element("pictures").getBoundingClientRect();
  seek(((event.clientX - box.left) / box.width) * songs[state.song].seconds);
}

element("play").onclick = toggle;
element("loop").onchange = (event) => setLoop(event.target.checked);
element("match").onchange = (event) => setMatched(event.target.checked);
element("position").onpointerdown = () => (dragging = true);
element("position").onchange = (event) => {
  dragging = false;
  seek(Number(event.target.value));
};
window.addEventListener("pointerup", () => (dragging = false));
element("pictures").onclick = (event) => {
  const figure = event.target.closest("figure");
  if (figure) choose(figure.dataset.version);
  seekToPointer(event);
};
for (const button of document.querySelectorAll("button[data-version]"))
  button.onclick = () => choose(button.dataset.version);
element("songs").append(
  ...songs.map((song, index) => {
    const button = make("button", { type: "button", onclick: () => open(index) }, song.name);
    if (song.genre) button.append(make("small", { textContent: song.genre }));
    return make("li", {}, button);
  }),
);

const KEYS = {
  1: () => choose("rough"),
  2: () => choose("mix"),
  3: () => choose("finished"),
  " ": toggle,
  ArrowLeft: () => open(state.song - 1),
  ArrowRight: () => open(state.song + 1),
};

/** A control reached by keyboard keeps its own keys … */
function isTaken(key) {
  const focused = document.activeElement;
  if (!focused?.matches("button, input")) return false;
  return key === " " || (focused.type === "range" && key.startsWith("Arrow"));
}

/** … one that was clicked lets go, so that the space bar still plays and pauses. */
document.addEventListener("click", (event) => {
  if (event.detail > 0) setTimeout(() => document.activeElement?.blur());
});

document.addEventListener("keydown", (event) => {
  const action = KEYS[event.key];
  if (!action || event.ctrlKey || event.metaKey || event.altKey || isTaken(event.key)) return;
  event.preventDefault();
  if (!event.repeat) action();
});

// For tests and the curious.
window.listening = {
  state,
  position,
  levelDb,
  time: () => context?.currentTime ?? 0,
  voice: () => voice,
};

draw();
show();
requestAnimationFrame(frame);
