// Input by buttons, keys and the pointer. The last script of the page: it builds and shows the page.

const DRAG_PX = 5; // a shorter movement is a click
const LOOP_END_GRAB_PX = 10; // within this distance, a drag moves the end of the loop
const STEP_S = 1;

let isDraggingPosition = false; // the position slider is not updated meanwhile
let drag = null; // {x, anchor, version, loop} while the pointer is down on the spectrograms
let nextFrame = 0;

const currentLevels = () => (playback && meter ? meter.read() : SILENT_LEVELS);

/** Update the page after each action; only while playing, also with each frame. */
function updatePage() {
  updateControls();
  cancelAnimationFrame(nextFrame);
  if (state.playing) nextFrame = requestAnimationFrame(frame);
}

function frame() {
  showTime();
  showLevel();
  nextFrame = requestAnimationFrame(frame);
}

function showOpenedSong() {
  showSong();
  if (areNamesHidden()) selectFirstVersion();
  updatePage();
}

byId("play").onclick = togglePlayback;
byId("repeat").onchange = (event) => setRepeat(event.target.checked);
byId("match").onchange = (event) => setLoudnessMatched(event.target.checked);
byId("clear").onclick = () => setLoop(null);
byId("blind").onchange = (event) => setBlind(event.target.checked);
byId("vote").onclick = vote;

byId("position").onpointerdown = () => (isDraggingPosition = true);
byId("position").onchange = (event) => {
  isDraggingPosition = false;
  seek(Number(event.target.value));
};
window.addEventListener("pointerup", () => (isDraggingPosition = false));

// ---- pointer on the spectrograms ------------------------------------------------------------------

const spectrograms = byId("spectrograms");

function timeAtX(x) {
  const { left, width } = spectrograms.getBoundingClientRect();
  return clamp((x - left) / width, 0, 1) * song().seconds;
}

/** The fixed end of a new loop: the opposite end of the current loop if one of its ends is grabbed. */
function loopAnchorAt(x) {
  const perPx = song().seconds / spectrograms.clientWidth;
  const isAt = (end) => state.loop && Math.abs(timeAtX(x) - state.loop[end]) < LOOP_END_GRAB_PX * perPx;
  if (isAt("from")) return state.loop.to;
  return isAt("to") ? state.loop.from : timeAtX(x);
}

spectrograms.onpointerdown = (event) => {
  if (event.button !== 0) return;
  spectrograms.setPointerCapture(event.pointerId);
  const { version } = event.target.closest("figure")?.dataset ?? state;
  drag = { x: event.clientX, anchor: loopAnchorAt(event.clientX), version, loop: null };
};
spectrograms.onpointermove = (event) => {
  if (!drag || (!drag.loop && Math.abs(event.clientX - drag.x) < DRAG_PX)) return;
  const ends = [drag.anchor, timeAtX(event.clientX)];
  drag.loop = { from: Math.min(...ends), to: Math.max(...ends) };
  showLoop(drag.loop);
};
spectrograms.onpointerup = (event) => {
  const done = drag;
  drag = null;
  if (done?.loop) setLoop(done.loop);
  else if (done) {
    selectVersion(done.version);
    seek(timeAtX(event.clientX));
  }
  showLoop(state.loop);
};
spectrograms.onpointercancel = () => {
  drag = null;
  showLoop(state.loop);
};

// ---- keys -----------------------------------------------------------------------------------------

const help = byId("help");
const toggleHelp = () => (help.open ? help.close() : help.showModal());
byId("help-button").onclick = toggleHelp;
byId("close-help").onclick = toggleHelp;

const SHORTCUTS = {
  " ": togglePlayback,
  ...Object.fromEntries(VERSIONS.map((_, index) => [index + 1, () => selectVersion(versionsInButtonOrder()[index])])),
  0: () => seek(playbackRange().from),
  "[": setLoopStart,
  "]": setLoopEnd,
  a: setLoopStart,
  b: setLoopEnd,
  c: () => setLoop(null),
  l: () => setRepeat(!state.repeat),
  m: () => areNamesHidden() || setLoudnessMatched(!state.loudnessMatched),
  n: () => setBlind(!blindTest.on),
  v: vote,
  "?": toggleHelp,
  arrowleft: () => seekBy(-STEP_S),
  arrowright: () => seekBy(STEP_S),
  "shift arrowleft": () => openSong(state.song - 1),
  "shift arrowright": () => openSong(state.song + 1),
};
const REPEATING_SHORTCUTS = ["arrowleft", "arrowright"]; // repeated while the key is down

/** The shortcut of a keyboard event, or null: combinations of the browser are not shortcuts. */
function shortcutOf(event) {
  const altGr = event.getModifierState("AltGraph"); // needed for brackets on many keyboards
  if ((event.ctrlKey || event.altKey || event.metaKey) && !altGr) return null;
  const key = event.key.toLowerCase();
  const name = event.shiftKey && key.startsWith("arrow") ? `shift ${key}` : key;
  if (isHandledByFocusedControl(name) || (help.open && name !== "?")) return null;
  return Object.hasOwn(SHORTCUTS, name) ? name : null;
}

/** A control focused by keyboard handles its own keys. */
function isHandledByFocusedControl(name) {
  const focused = document.activeElement;
  if (!focused?.matches("button, input, a")) return false;
  return name === " " || (focused.type === "range" && name.startsWith("arrow"));
}

/** A clicked control loses the focus, so that the space bar still plays and pauses. */
document.addEventListener("click", (event) => {
  if (event.detail > 0 && !help.open) setTimeout(() => document.activeElement?.blur());
});

document.addEventListener("keydown", (event) => {
  const name = shortcutOf(event);
  if (name === null) return;
  event.preventDefault();
  if (!event.repeat || REPEATING_SHORTCUTS.includes(name)) SHORTCUTS[name]();
});

buildPage();
showOpenedSong();
