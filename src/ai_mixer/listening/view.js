// What is on the page: `drawSong` when the song changed, `show` after every press, `showTime` and
// `showLevel` while it plays.

const NAMES = { rough: "Rough", mix: "Mix", finished: "Finished" };
const TIME_STEPS_S = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300];
const MOST_TIME_MARKS = 11;
const METER_MARKS_DB = [-60, -48, -36, -24, -12, 0];

const element = (id) => document.getElementById(id);
const all = (selector) => [...document.querySelectorAll(selector)];
const percent = (part) => `${100 * part}%`;

function make(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

function clock(seconds) {
  const tenths = Math.floor(seconds * 10 + 1e-6);
  return `${Math.floor(tenths / 600)}:${((tenths % 600) / 10).toFixed(1).padStart(4, "0")}`;
}

function say(text) {
  element("status").textContent = text;
}

// ---- once -------------------------------------------------------------------------------------

function drawOnce() {
  element("songs").append(
    ...songs.map(({ name, genre }, index) => {
      const button = make("button", { type: "button", title: name, onclick: () => openSong(index) });
      button.append(make("span", { textContent: name }));
      if (genre) button.append(make("small", { textContent: genre }));
      return make("li", {}, button);
    }),
  );
  // MLflow's frame has no address to follow a link from: there, the names alone.
  if (window.top !== window) for (const link of all("footer a")) link.replaceWith(link.textContent);
  for (const db of METER_MARKS_DB) {
    const mark = make("span", { textContent: `${db}`.replace("-", "−") });
    mark.style.left = percent(1 - db / METER_FLOOR_DB);
    element("meter").lastElementChild.append(mark);
  }
}

// ---- with the song ----------------------------------------------------------------------------

function drawSong() {
  const { name, about, seconds, settings, metrics } = song();
  element("songs").scrollLeft = element("songs").children[state.song].offsetLeft - 60;
  element("name").textContent = name;
  element("about").textContent = about;
  element("length").textContent = clock(seconds);
  element("position").max = seconds;
  element("pictures").replaceChildren(
    ...VERSIONS.map(drawPicture),
    make("div", { id: "loop", className: "loop" }),
    make("div", { id: "playhead", className: "playhead" }),
  );
  element("times").replaceChildren(...timeMarks(seconds));
  element("settings").replaceChildren(...settings.map(drawSetting));
  element("settings-card").hidden = settings.length === 0;
  element("masked-note").hidden = !settings.some((row) => row.masked);
  element("metrics").replaceChildren(...metrics.map(drawMetric));
  element("metrics-card").hidden = metrics.length === 0;
}

function drawPicture(version) {
  const alt = `Spectrogram of the ${version} version: time to the right, pitch upwards`;
  const figure = make(
    "figure",
    {},
    make("img", { src: song().pictures[version], alt, draggable: false }),
    make("figcaption", { textContent: NAMES[version] }),
  );
  figure.dataset.version = version;
  for (const [text, height] of song().ticks) {
    const tick = make("span", { className: "tick", textContent: text, ariaHidden: "true" });
    tick.style.bottom = percent(height);
    figure.append(tick);
  }
  return figure;
}

function timeMarks(seconds) {
  const step = TIME_STEPS_S.find((each) => seconds / each < MOST_TIME_MARKS) ?? seconds;
  return Array.from({ length: Math.floor(seconds / step + 1e-6) + 1 }, (_, index) => {
    const at = Number((index * step).toFixed(1));
    const mark = make("span", { textContent: seconds > 90 ? clock(at).slice(0, -2) : `${at} s` });
    mark.style.left = percent(at / seconds);
    return mark;
  });
}

function drawSetting(row) {
  const bar = make("div", { className: "bar", title: `Range: ${row.range}`, ariaHidden: "true" });
  const put = (className, at, width) => {
    const mark = make("span", { className });
    mark.style.left = percent(at);
    if (width !== undefined) mark.style.width = percent(width);
    bar.append(mark);
  };
  put("fill", Math.min(row.at, row.neutralAt), Math.abs(row.at - row.neutralAt));
  put("neutral", row.neutralAt);
  if (row.trueAt !== null) put("true", row.trueAt);
  put("chosen", row.at);
  return make(
    "tr",
    { className: row.masked ? "masked" : "" },
    make("th", { scope: "row" }, row.label, bar),
    make("td", { textContent: row.value }),
    make("td", { className: "true-value", textContent: row.masked ? "masked" : (row.true ?? "unknown") }),
    make("td", { className: "muted", textContent: row.neutral }),
  );
}

function drawMetric({ label, rough, mix }) {
  return make(
    "tr",
    {},
    make("th", { scope: "row", textContent: label }),
    make("td", { className: "muted", textContent: rough ?? "–" }),
    make("td", { textContent: mix }),
  );
}

// ---- with every press ---------------------------------------------------------------------------

function show() {
  Object.assign(document.body.dataset, {
    playing: state.playing,
    source: state.version,
    song: state.song,
    matched: state.matched,
    repeat: state.repeat,
  });
  element("play-label").textContent = state.playing ? "Pause" : "Play";
  element("repeat").checked = state.repeat;
  element("match").checked = state.matched;
  for (const button of all("button[data-version]"))
    button.setAttribute("aria-pressed", button.dataset.version === state.version);
  for (const figure of all("figure[data-version]"))
    figure.classList.toggle("chosen", figure.dataset.version === state.version);
  all("#songs button").forEach((button, index) => {
    button.setAttribute("aria-current", index === state.song);
  });
  const applied = VERSIONS.map((version) => `${version} ${song().matching[version].text}`).join(", ");
  element("matching").textContent = state.matched
    ? `Volume evened out so you compare sound, not loudness: ${applied}.`
    : "Every version plays at its own volume: the louder one tends to seem better.";
  showLoop(state.loop);
  showTime();
  showLevel();
}

/** The loop as set, or as it would be if the hand let go now. */
function showLoop(loop) {
  const { seconds } = song();
  element("clear").hidden = element("loop").hidden = !loop;
  if (!loop) return;
  const [from, to] = [loop.from, loop.to].map((at) => clock(at + 0.05)); // the nearest tenth
  element("loop-text").textContent = `Loop ${from} – ${to}`;
  element("loop").style.left = percent(loop.from / seconds);
  element("loop").style.width = percent((loop.to - loop.from) / seconds);
}

function showTime() {
  const { seconds } = song();
  const at = position();
  element("now").textContent = clock(at);
  element("position").setAttribute("aria-valuetext", `${at.toFixed(1)} of ${seconds.toFixed(1)} seconds`);
  if (!holding) element("position").value = at;
  element("playhead").style.left = percent(at / seconds);
}

function showLevel() {
  const levels = levelsNow();
  const part = (db) => 1 - clamp(db, METER_FLOOR_DB, 0) / METER_FLOOR_DB;
  const words = (db) => (db > METER_FLOOR_DB ? `${db.toFixed(1).replace("-", "−")} dBFS` : "–");
  const peak = Math.max(...levels.map(({ peakDb }) => peakDb));
  const rms = decibels(Math.hypot(...levels.map(({ rmsDb }) => 10 ** (rmsDb / 20))) / Math.SQRT2);
  all("#meter .channel").forEach((bar, index) => {
    bar.style.setProperty("--rms", part(levels[index].rmsDb));
    bar.style.setProperty("--peak", part(levels[index].peakDb));
  });
  element("peak").textContent = words(peak);
  element("rms").textContent = words(rms);
  element("meter").setAttribute("aria-valuenow", Math.round(clamp(rms, METER_FLOOR_DB, 0)));
  element("meter").setAttribute("aria-valuetext", `peak ${words(peak)}, RMS ${words(rms)}`);
}
