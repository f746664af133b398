// Sound: all versions of a song in step, one of them heard. Knows nothing of what is on the page.

const FADE_S = 0.01; // long enough not to click, too short to hear as a fade
const AHEAD_S = 0.02; // the versions are told to start a moment from now, together
const SHORTEST_LOOP_S = 0.05;

const { songs, versions, differences } = JSON.parse(document.getElementById("data").textContent);
const VERSIONS = versions.map(({ id }) => id);
const FIRST = VERSIONS[0]; // all end together: this one says when
const state = {
  song: 0,
  version: VERSIONS[1],
  playing: false,
  repeat: true,
  matched: true,
  at: 0, // s, where the next press of play begins
  loop: null, // {from, to} in s: the part of the song that is played, null for all of it
};

let context = null; // made on the first press of play: browsers want a gesture
let meter = null;
let voice = null; // what sounds now
let decoded = { song: -1, buffers: null }; // one song at a time: decoded audio is large
let wish = 0; // counts presses, so that a slow decoding cannot answer an old one

const song = () => songs[state.song];
const range = () => state.loop ?? { from: 0, to: song().seconds };
const onSample = (seconds) => Math.round(seconds * song().sampleRate) / song().sampleRate;
const soon = () => context.currentTime + Math.round(AHEAD_S * context.sampleRate) / context.sampleRate;
const inRange = (at) => (at >= range().from && at < range().to ? at : range().from);
const clamp = (x, low, high) => Math.min(Math.max(x, low), high);

function openContext() {
  if (context) return;
  try {
    context = new AudioContext({ sampleRate: song().sampleRate });
  } catch {
    context = new AudioContext(); // a rate this machine cannot play: the browser resamples
  }
  meter = new Meter(context);
}

async function buffersOf(index) {
  if (decoded.song === index) return decoded.buffers;
  const decode = (version) => {
    const text = atob(document.getElementById(`audio-${index}-${version}`).textContent);
    return context.decodeAudioData(Uint8Array.from(text, (byte) => byte.charCodeAt(0)).buffer);
  };
  const list = await Promise.all(VERSIONS.map(decode));
  const buffers = Object.fromEntries(VERSIONS.map((version, i) => [version, list[i]]));
  decoded = { song: index, buffers };
  return buffers;
}

function gainOf(version) {
  if (version !== state.version) return 0;
  const { restore, matching } = song();
  return restore[version] * (state.matched ? 10 ** (matching[version].db / 20) : 1);
}

function ramp(parameter, value, when, from = parameter.value) {
  parameter.cancelScheduledValues(when);
  parameter.setValueAtTime(from, when);
  parameter.linearRampToValueAtTime(value, when + FADE_S);
}

/** All versions from `at` on, starting together at `when`; silent until faded in. */
function makeVoice(ctx, buffers, { when, at, range, repeat }) {
  const made = { when, at, range, repeat, sources: {}, gains: {}, out: new GainNode(ctx, { gain: 0 }) };
  for (const version of VERSIONS) {
    const gain = new GainNode(ctx, { gain: gainOf(version) });
    const loop = { loop: repeat, loopStart: range.from, loopEnd: range.to };
    const source = new AudioBufferSourceNode(ctx, { buffer: buffers[version], ...loop });
    source.connect(gain).connect(made.out);
    if (repeat) source.start(when, at);
    else source.start(when, at, range.to - at);
    made.gains[version] = gain;
    made.sources[version] = source;
  }
  return made;
}

/** Cross over to a voice that plays from `at` on. Times lie on samples: between them, the browser
 *  would interpolate, and what is heard would no longer be what was written. */
function startVoice(at, when = soon()) {
  stopVoice(when);
  const plan = { when, at: onSample(at), range: range(), repeat: state.repeat };
  const fresh = makeVoice(context, decoded.buffers, plan);
  fresh.out.connect(meter.input);
  fresh.out.gain.setValueAtTime(0, when).linearRampToValueAtTime(1, when + FADE_S);
  fresh.sources[FIRST].onended = () => {
    if (voice !== fresh) return;
    pause();
    state.at = range().from;
    changed();
  };
  voice = fresh;
}

function stopVoice(when = context?.currentTime) {
  if (!voice) return;
  const { out, sources } = voice;
  voice = null;
  ramp(out.gain, 0, when, when > context.currentTime ? 1 : out.gain.value);
  for (const source of Object.values(sources)) source.stop(when + 2 * FADE_S);
  sources[FIRST].onended = () => out.disconnect();
}

/** Where a voice is at a time of its context, in s. */
function positionOf({ when, at, range: { from, to }, repeat }, time) {
  const straight = at + Math.max(0, time - when);
  if (straight < to) return straight;
  return repeat ? from + ((straight - from) % (to - from)) : to;
}

/** Where the ear is: what was computed a moment ago. */
function position() {
  if (!voice) return state.at;
  return positionOf(voice, context.currentTime - (context.outputLatency || 0));
}

// ---- what a listener does; `changed` and `say` belong to the page ----------------------------

async function play() {
  const mine = ++wish;
  state.playing = true;
  say("");
  changed();
  try {
    openContext();
    const waiting = setTimeout(() => say("Unpacking …"), 300);
    await Promise.all([buffersOf(state.song), context.resume()]).finally(() => clearTimeout(waiting));
    if (mine !== wish) return;
    startVoice(inRange(state.at));
    say("");
  } catch (error) {
    if (mine === wish) pause();
    say(`This browser could not play the song: ${error.message}`);
  }
  changed();
}

function pause() {
  wish += 1;
  state.at = position();
  stopVoice();
  state.playing = false;
  changed();
}

const toggle = () => (state.playing ? pause() : play());

/** Go on from another place; a place outside the loop ends the loop. */
function seek(seconds) {
  const at = clamp(seconds, 0, song().seconds - 0.01);
  if (state.loop && (at < state.loop.from || at >= state.loop.to)) state.loop = null;
  state.at = at;
  if (voice) startVoice(at);
  changed();
}

/** A step to either side, never out of the loop. */
function nudge(seconds) {
  const { from, to } = range();
  seek(clamp(position() + seconds, from, to - 0.01));
}

/** Play only this part (null: all), over and over. Both ends fall on samples. */
function setLoop(loop) {
  const place = (at) => onSample(clamp(at, 0, song().seconds));
  const ends = loop && { from: place(loop.from), to: place(loop.to) };
  if (ends && ends.to - ends.from < SHORTEST_LOOP_S) return;
  state.loop = ends;
  if (ends) state.repeat = true;
  goOnWithin();
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
  goOnWithin();
}

/** After the loop changed: from the same place, or from the loop's start if that is outside. */
function goOnWithin() {
  state.at = inRange(state.at);
  if (voice) {
    const when = soon();
    startVoice(inRange(positionOf(voice, when)), when);
  }
  changed();
}

function choose(version) {
  state.version = version;
  fadeToChoice();
}

function setMatched(on) {
  state.matched = on;
  fadeToChoice();
}

function fadeToChoice() {
  if (voice)
    for (const version of VERSIONS) ramp(voice.gains[version].gain, gainOf(version), context.currentTime);
  changed();
}

function openSong(index) {
  const goOn = state.playing;
  pause();
  Object.assign(state, { song: (index + songs.length) % songs.length, at: 0, loop: null });
  opened();
  if (goOn) play();
}
