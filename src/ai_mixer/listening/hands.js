// Hands: buttons, keys and the pointer over the pictures. Joined last, it starts the page.

const DRAG_PX = 5; // less is a click
const GRAB_PX = 10; // this near to an end of the loop, a drag moves that end
const STEP_S = 1;

let holding = false; // the hand is on the position: do not move it away
let drag = null; // {x, anchor, version, loop} while the pointer is down on the pictures
let nextFrame = 0;

const levelsNow = () => (voice && meter ? meter.read() : SILENT);

/** After every press. Nothing moves, and nothing is computed, while nothing plays. */
function changed() {
  show();
  cancelAnimationFrame(nextFrame);
  if (state.playing) nextFrame = requestAnimationFrame(frame);
}

function frame() {
  showTime();
  showLevel();
  nextFrame = requestAnimationFrame(frame);
}

function opened() {
  drawSong();
  if (namesHidden()) hearSomeone();
  changed();
}

element("play").onclick = toggle;
element("repeat").onchange = (event) => setRepeat(event.target.checked);
element("match").onchange = (event) => setMatched(event.target.checked);
element("clear").onclick = () => setLoop(null);
element("blind").onchange = (event) => setBlind(event.target.checked);
element("vote").onclick = vote;

element("position").onpointerdown = () => (holding = true);
element("position").onchange = (event) => {
  holding = false;
  seek(Number(event.target.value));
};
window.addEventListener("pointerup", () => (holding = false));

// ---- the pointer over the pictures --------------------------------------------------------------

const pictures = element("pictures");

function timeUnder(x) {
  const { left, width } = pictures.getBoundingClientRect();
  return clamp((x - left) / width, 0, 1) * song().seconds;
}

/** The end of a new loop that stays: the other end of the present one if its end was grabbed. */
function anchorAt(x) {
  const perPx = song().seconds / pictures.clientWidth;
  const isAt = (end) => state.loop && Math.abs(timeUnder(x) - state.loop[end]) < GRAB_PX * perPx;
  if (isAt("from")) return state.loop.to;
  return isAt("to") ? state.loop.from : timeUnder(x);
}

pictures.onpointerdown = (event) => {
  if (event.button !== 0) return;
  pictures.setPointerCapture(event.pointerId);
  const { version } = event.target.closest("figure")?.dataset ?? state;
  drag = { x: event.clientX, anchor: anchorAt(event.clientX), version, loop: null };
};
pictures.onpointermove = (event) => {
  if (!drag || (!drag.loop && Math.abs(event.clientX - drag.x) < DRAG_PX)) return;
  const ends = [drag.anchor, timeUnder(event.clientX)];
  drag.loop = { from: Math.min(...ends), to: Math.max(...ends) };
  showLoop(drag.loop);
};
pictures.onpointerup = (event) => {
  const done = drag;
  drag = null;
  if (done?.loop) setLoop(done.loop);
  else if (done) {
    choose(done.version);
    seek(timeUnder(event.clientX));
  }
  showLoop(state.loop);
};
pictures.onpointercancel = () => {
  drag = null;
  showLoop(state.loop);
};

// ---- keys -----------------------------------------------------------------------------------------

const help = element("help");
const toggleHelp = () => (help.open ? help.close() : help.showModal());
element("help-button").onclick = toggleHelp;
element("close-help").onclick = toggleHelp;

const KEYS = {
  " ": toggle,
  ...Object.fromEntries(VERSIONS.map((_, index) => [index + 1, () => choose(inOrder()[index])])),
  0: () => seek(range().from),
  "[": setLoopStart,
  "]": setLoopEnd,
  a: setLoopStart,
  b: setLoopEnd,
  c: () => setLoop(null),
  l: () => setRepeat(!state.repeat),
  m: () => namesHidden() || setMatched(!state.matched),
  n: () => setBlind(!blind.on),
  v: vote,
  "?": toggleHelp,
  arrowleft: () => nudge(-STEP_S),
  arrowright: () => nudge(STEP_S),
  "shift arrowleft": () => openSong(state.song - 1),
  "shift arrowright": () => openSong(state.song + 1),
};
const HELD = ["arrowleft", "arrowright"]; // do it again and again while the key is down

/** The name of a key that is ours: the browser's own stay its own. */
function ourKey(event) {
  const altGr = event.getModifierState("AltGraph"); // how many keyboards write a bracket
  if ((event.ctrlKey || event.altKey || event.metaKey) && !altGr) return null;
  const key = event.key.toLowerCase();
  const name = event.shiftKey && key.startsWith("arrow") ? `shift ${key}` : key;
  if (isTaken(name) || (help.open && name !== "?")) return null;
  return Object.hasOwn(KEYS, name) ? name : null;
}

/** A control reached by keyboard keeps its own keys … */
function isTaken(name) {
  const focused = document.activeElement;
  if (!focused?.matches("button, input, a")) return false;
  return name === " " || (focused.type === "range" && name.startsWith("arrow"));
}

/** … one that was clicked lets go, so that the space bar still plays and pauses. */
document.addEventListener("click", (event) => {
  if (event.detail > 0 && !help.open) setTimeout(() => document.activeElement?.blur());
});

document.addEventListener("keydown", (event) => {
  const name = ourKey(event);
  if (name === null) return;
  event.preventDefault();
  if (!event.repeat || HELD.includes(name)) KEYS[name]();
});

drawOnce();
opened();
