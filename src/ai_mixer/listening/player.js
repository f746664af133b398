// Playback: all versions of a song in sync, one of them audible. Independent of the page's elements.

const CROSSFADE_S = 0.01; // long enough to avoid clicks, too short to be noticed
const START_DELAY_S = 0.02; // so that all versions can be scheduled to start together
const MIN_LOOP_S = 0.05;

const { songs, versions, differences } = JSON.parse(document.getElementById("data").textContent);
const VERSIONS = versions.map(({ id }) => id);
const FIRST = VERSIONS[0]; // its `ended` event is used: all versions end together
const state = {
  song: 0,
  version: VERSIONS[1],
  playing: false,
  repeat: true,
  loudnessMatched: true,
  startS: 0, // position in s where playback starts next
  loop: null, // {from, to} in s, or null for the whole song
};

let context = null; // created by the first user action, as browsers require
let meter = null;
let playback = null; // the current one, or null
let decoded = { song: -1, buffers: null }; // one song at a time: decoded audio is large
let requestId = 0; // so that audio decoded for an earlier request is not played

const song = () => songs[state.song];
const playbackRange = () => state.loop ?? { from: 0, to: song().seconds };
const roundToSample = (seconds) => Math.round(seconds * song().sampleRate) / song().sampleRate;
const nextStartTime = () => context.currentTime + Math.round(START_DELAY_S * context.sampleRate) / context.sampleRate;
const wrapIntoRange = (at) => (at >= playbackRange().from && at < playbackRange().to ? at : playbackRange().from);
const clamp = (x, low, high) => Math.min(Math.max(x, low), high);

function openContext() {
  if (context) return;
  try {
    context = new AudioContext({ sampleRate: song().sampleRate });
  } catch {
    context = new AudioContext(); // the rate is not supported: the browser resamples
  }
  meter = new Meter(context);
}

async function buffersOf(index) {
  const before = decoded.song === index ? decoded.buffers : {};
  const missing = [...VERSIONS, ...(isPartial() ? trackKeys() : [])].filter((key) => !(key in before));
  if (missing.length === 0) return before;
  const decode = (key) => {
    const text = atob(document.getElementById(`audio-${index}-${key}`).textContent);
    return context.decodeAudioData(Uint8Array.from(text, (byte) => byte.charCodeAt(0)).buffer);
  };
  const list = await Promise.all(missing.map(decode));
  const buffers = { ...before, ...Object.fromEntries(missing.map((key, i) => [key, list[i]])) };
  decoded = { song: index, buffers };
  return buffers;
}

/** Gain of a version, or of a track of it: `mix-t0`. */
function gainOf(key) {
  const [version, track] = key.split("-t");
  if (version !== state.version) return 0;
  const { restoreGain, loudnessGain } = song();
  const matched = state.loudnessMatched ? 10 ** (loudnessGain[version].db / 20) : 1;
  if (track === undefined) return isPartial() ? 0 : restoreGain[version] * matched;
  return isPartial() && isTrackAudible(Number(track)) ? matched : 0;
}

function rampParameter(parameter, value, when, from = parameter.value) {
  parameter.cancelScheduledValues(when);
  parameter.setValueAtTime(from, when);
  parameter.linearRampToValueAtTime(value, when + CROSSFADE_S);
}

/** Schedule all versions to start at the context time `when` from position `at`, with output gain 0. */
function createPlayback(ctx, buffers, { when, at, range, repeat }) {
  const created = { when, at, range, repeat, sources: {}, gains: {}, out: new GainNode(ctx, { gain: 0 }) };
  for (const version of Object.keys(buffers)) {
    const gain = new GainNode(ctx, { gain: gainOf(version) });
    const loop = { loop: repeat, loopStart: range.from, loopEnd: range.to };
    const source = new AudioBufferSourceNode(ctx, { buffer: buffers[version], ...loop });
    source.connect(gain).connect(created.out);
    if (repeat) source.start(when, at);
    else source.start(when, at, range.to - at);
    created.gains[version] = gain;
    created.sources[version] = source;
  }
  return created;
}

/** Crossfade to a new playback from position `at`. Times are rounded to samples: between samples the
 *  browser interpolates, which changes the audio. */
function startPlayback(at, when = nextStartTime()) {
  stopPlayback(when);
  const options = { when, at: roundToSample(at), range: playbackRange(), repeat: state.repeat };
  const created = createPlayback(context, decoded.buffers, options);
  created.out.connect(meter.input);
  created.out.gain.setValueAtTime(0, when).linearRampToValueAtTime(1, when + CROSSFADE_S);
  created.sources[FIRST].onended = () => {
    if (playback !== created) return;
    pause();
    state.startS = playbackRange().from;
    updatePage();
  };
  playback = created;
}

function stopPlayback(when = context?.currentTime) {
  if (!playback) return;
  const { out, sources } = playback;
  playback = null;
  rampParameter(out.gain, 0, when, when > context.currentTime ? 1 : out.gain.value);
  for (const source of Object.values(sources)) source.stop(when + 2 * CROSSFADE_S);
  sources[FIRST].onended = () => out.disconnect();
}

/** Position of a playback in s at a time of its context. */
function positionOf({ when, at, range: { from, to }, repeat }, time) {
  const unloopedS = at + Math.max(0, time - when);
  if (unloopedS < to) return unloopedS;
  return repeat ? from + ((unloopedS - from) % (to - from)) : to;
}

/** Audible position in s: the output latency is subtracted. */
function position() {
  if (!playback) return state.startS;
  return positionOf(playback, context.currentTime - (context.outputLatency || 0));
}

// ---- actions of the user; `updatePage`, `showStatus` and `showOpenedSong` are in other scripts ----

async function play() {
  const thisRequest = ++requestId;
  state.playing = true;
  showStatus("");
  updatePage();
  try {
    openContext();
    const waiting = setTimeout(() => showStatus("Decoding …"), 300);
    await Promise.all([buffersOf(state.song), context.resume()]).finally(() => clearTimeout(waiting));
    if (thisRequest !== requestId) return;
    startPlayback(wrapIntoRange(state.startS));
    showStatus("");
  } catch (error) {
    if (thisRequest === requestId) pause();
    showStatus(`This browser could not play the song: ${error.message}`);
  }
  updatePage();
}

function pause() {
  requestId += 1;
  state.startS = position();
  stopPlayback();
  state.playing = false;
  updatePage();
}

const togglePlayback = () => (state.playing ? pause() : play());

/** Move to a position in s; a position outside the loop clears the loop. */
function seek(seconds) {
  const at = clamp(seconds, 0, song().seconds - 0.01);
  if (state.loop && (at < state.loop.from || at >= state.loop.to)) state.loop = null;
  state.startS = at;
  if (playback) startPlayback(at);
  updatePage();
}

/** Move by some seconds within the loop. */
function seekBy(seconds) {
  const { from, to } = playbackRange();
  seek(clamp(position() + seconds, from, to - 0.01));
}

/** Set the loop (null: none), with both ends rounded to samples. */
function setLoop(loop) {
  const round = (at) => roundToSample(clamp(at, 0, song().seconds));
  const ends = loop && { from: round(loop.from), to: round(loop.to) };
  if (ends && ends.to - ends.from < MIN_LOOP_S) return;
  state.loop = ends;
  if (ends) state.repeat = true;
  restartInLoop();
}

function setLoopStart() {
  const at = position();
  setLoop({ from: at, to: state.loop && state.loop.to > at ? state.loop.to : song().seconds });
}

function setLoopEnd() {
  const at = position();
  setLoop({ from: state.loop && state.loop.from < at ? state.loop.from : 0, to: at });
}

function setRepeat(on) {
  state.repeat = on;
  restartInLoop();
}

/** Apply a changed loop: continue at the same position, or at the start of the loop if outside. */
function restartInLoop() {
  state.startS = wrapIntoRange(state.startS);
  if (playback) {
    const when = nextStartTime();
    startPlayback(wrapIntoRange(positionOf(playback, when)), when);
  }
  updatePage();
}

function selectVersion(version) {
  state.version = version;
  crossfadeToSelected();
}

function setLoudnessMatched(on) {
  state.loudnessMatched = on;
  crossfadeToSelected();
}

function crossfadeToSelected() {
  if (playback)
    for (const [key, { gain }] of Object.entries(playback.gains)) rampParameter(gain, gainOf(key), context.currentTime);
  updatePage();
}

function openSong(index) {
  const wasPlaying = state.playing;
  pause();
  resetTracks();
  Object.assign(state, { song: (index + songs.length) % songs.length, startS: 0, loop: null });
  showOpenedSong();
  if (wasPlaying) play();
}
