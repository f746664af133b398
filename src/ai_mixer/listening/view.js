// Content of the page: `buildPage` once, `showSong` for each song, `updateControls` after each action,
// `showTime` and `showLevel` while playing.

const LABELS = Object.fromEntries(versions.map((version) => [version.id, version]));
const MIXES = VERSIONS.slice(1, -1);
const TIME_TICK_STEPS_S = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300];
const MAX_TIME_TICKS = 11;
const METER_TICKS_DB = [-60, -48, -36, -24, -12, 0];

const byId = (id) => document.getElementById(id);
const queryAll = (selector) => [...document.querySelectorAll(selector)];
const percent = (part) => `${100 * part}%`;

function createElement(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

function formatTime(seconds) {
  const tenths = Math.floor(seconds * 10 + 1e-6);
  return `${Math.floor(tenths / 600)}:${((tenths % 600) / 10).toFixed(1).padStart(4, "0")}`;
}

/** Name of a version, or its number while names are hidden. */
function nameOf(version) {
  return isHidden(version) ? `Version ${versionsInButtonOrder().indexOf(version) + 1}` : LABELS[version].name;
}

function noteOf(version) {
  if (isHidden(version)) return "name hidden";
  const voted = blindTest.on && blindTest.votes[state.song] === version;
  return voted ? "your vote" : LABELS[version].note;
}

function showStatus(text) {
  byId("status").textContent = text;
}

// ---- once per page ----------------------------------------------------------------------------

function buildPage() {
  byId("songs").append(
    ...songs.map(({ name, genre }, index) => {
      const button = createElement("button", { type: "button", title: name, onclick: () => openSong(index) });
      button.append(createElement("span", { textContent: name }));
      if (genre) button.append(createElement("small", { textContent: genre }));
      return createElement("li", {}, button);
    }),
  );
  byId("versions").append(...VERSIONS.map(createVersionButton));
  byId("version-keys").append(...VERSIONS.flatMap((_, index) => [keyCap(index + 1), " "]));
  const several = MIXES.length > 1; // then a column has the applied values of a mix
  const stageHeads = () => [headerCell("Predicted", "predicted", MIXES[0]), headerCell("Applied", "chosen", MIXES[0])];
  const mixHeads = () => MIXES.map((version) => headerCell(`${LABELS[version].name}, applied`, "chosen", version));
  byId("settings-head").append(headerCell("Knob"), ...(several ? mixHeads() : stageHeads()), headerCell("True", "true"));
  byId("metrics-head").append(headerCell("Measure"), ...["rough", ...MIXES].map((id) => headerCell(LABELS[id].name)));
  document.body.dataset.several = several;
  byId("differences").append(...differences.map(createDifference));
  byId("differences-card").hidden = differences.length === 0 || !several;
  // Links do not work in MLflow's frame, which has no origin: show the names as text.
  if (window.top !== window) for (const link of queryAll("footer a")) link.replaceWith(link.textContent);
  for (const db of METER_TICKS_DB) {
    const mark = createElement("span", { textContent: `${db}`.replace("-", "−") });
    mark.style.left = percent(1 - db / METER_FLOOR_DB);
    byId("meter").lastElementChild.append(mark);
  }
}

function createVersionButton(_, index) {
  const button = createElement("button", { type: "button", onclick: () => selectVersion(versionsInButtonOrder()[index]) });
  button.setAttribute("aria-keyshortcuts", index + 1);
  button.append(createElement("b"), createElement("small"));
  return button;
}

const keyCap = (text) => createElement("kbd", { textContent: text });

/** Header of a column; that of the first column is for screen readers only. */
function headerCell(text, mark, version) {
  const first = text === "Knob" || text === "Measure";
  const cell = createElement("th", { scope: "col" });
  if (mark) cell.append(setVersionColour(createElement("span", { className: `key ${mark}` }), version));
  cell.append(first ? createElement("span", { className: "hidden", textContent: text }) : text);
  return cell;
}

/** Set the colour of a version on an element. */
function setVersionColour(node, version) {
  if (version) node.style.setProperty("--own", `var(--${version})`);
  return node;
}

function createDifference({ song, label, mixes }) {
  const values = mixes.map(({ version, value }) => `${LABELS[version].name} ${value}`).join(", ");
  const button = createElement("button", { type: "button", onclick: () => openSong(song) });
  button.append(`${label}: ${values}`, createElement("small", { textContent: songs[song].name }));
  return createElement("li", {}, button);
}

// ---- once per song ----------------------------------------------------------------------------

function showSong() {
  const { name, about, note, seconds, settings, metrics } = song();
  byId("songs").scrollLeft = byId("songs").children[state.song].offsetLeft - 60;
  byId("name").textContent = name;
  byId("about").textContent = about;
  byId("note").textContent = note;
  byId("length").textContent = formatTime(seconds);
  byId("position").max = seconds;
  byId("spectrograms").replaceChildren(
    ...VERSIONS.map(createSpectrogram),
    createElement("div", { id: "loop", className: "loop" }),
    createElement("div", { id: "playhead", className: "playhead" }),
  );
  byId("times").replaceChildren(...createTimeTicks(seconds));
  showTracks();
  byId("settings").replaceChildren(...settings.map(createSettingRow));
  byId("settings-card").hidden = settings.length === 0;
  byId("masked-note").hidden = !settings.some((row) => row.masked);
  byId("metrics").replaceChildren(...metrics.map(createMetricRow));
  byId("metrics-card").hidden = metrics.length === 0;
}

function createSpectrogram(version) {
  const alt = `Spectrogram of ${LABELS[version].name}: time to the right, pitch upwards`;
  const figure = createElement(
    "figure",
    {},
    createElement("img", { src: song().spectrograms[version], alt, draggable: false }),
    createElement("figcaption", { textContent: LABELS[version].name }),
  );
  figure.dataset.version = version;
  figure.dataset.votable = VOTABLE.includes(version);
  for (const [text, height] of song().ticks) {
    const tick = createElement("span", { className: "tick", textContent: text, ariaHidden: "true" });
    tick.style.bottom = percent(height);
    figure.append(tick);
  }
  return figure;
}

function createTimeTicks(seconds) {
  const step = TIME_TICK_STEPS_S.find((each) => seconds / each < MAX_TIME_TICKS) ?? seconds;
  return Array.from({ length: Math.floor(seconds / step + 1e-6) + 1 }, (_, index) => {
    const at = Number((index * step).toFixed(1));
    const mark = createElement("span", { textContent: seconds > 90 ? formatTime(at).slice(0, -2) : `${at} s` });
    mark.style.left = percent(at / seconds);
    return mark;
  });
}

function createSettingRow(row) {
  const bar = createElement("div", { className: "bar", title: `Range: ${row.range}`, ariaHidden: "true" });
  const put = (className, position, version) => {
    const mark = setVersionColour(createElement("span", { className }), version);
    mark.style.left = percent(position);
    bar.append(mark);
    return mark;
  };
  if (row.mixes.length === 1) {
    const [{ position, predictedPosition, version }] = row.mixes;
    const width = Math.abs(position - row.neutralPosition);
    put("fill", Math.min(position, row.neutralPosition), version).style.width = percent(width);
    put("predicted", predictedPosition, version);
  }
  put("neutral", row.neutralPosition);
  if (row.truePosition !== null) put("true", row.truePosition);
  for (const { position, version } of row.mixes) if (position !== null) put("chosen", position, version);
  return createElement(
    "tr",
    { className: row.masked ? "masked" : "" },
    createElement("th", { scope: "row" }, row.label, bar),
    ...createMixCells(row.mixes),
    createElement("td", { className: "true-value", textContent: row.masked ? "masked" : (row.true ?? "unknown") }),
  );
}

/** Predicted and applied value of a single mix; else the applied values, with the predicted ones below where they differ. */
function createMixCells(mixes) {
  if (mixes.length === 1) {
    const [{ predicted, value }] = mixes;
    return [createElement("td", { className: "muted", textContent: predicted }), createElement("td", { textContent: value })];
  }
  return mixes.map(({ predicted, value }) => {
    const cell = createElement("td", {}, value);
    if (predicted !== value) cell.append(createElement("small", { textContent: `predicted ${predicted}` }));
    return cell;
  });
}

function createMetricRow({ label, rough, mixes }) {
  return createElement(
    "tr",
    {},
    createElement("th", { scope: "row", textContent: label }),
    createElement("td", { className: "muted", textContent: rough ?? "–" }),
    ...mixes.map((text) => createElement("td", { textContent: text })),
  );
}

// ---- after each action --------------------------------------------------------------------------

function updateControls() {
  Object.assign(document.body.dataset, {
    playing: state.playing,
    source: isHidden(state.version) ? "hidden" : state.version,
    hidden: areNamesHidden(),
    hiding: blindTest.on && !allVotesCast(),
    song: state.song,
    loudnessMatched: state.loudnessMatched,
    repeat: state.repeat,
  });
  byId("play-label").textContent = state.playing ? "Pause" : "Play";
  byId("repeat").checked = state.repeat;
  byId("match").checked = state.loudnessMatched;
  byId("match").disabled = areNamesHidden();
  byId("blind").checked = blindTest.on;
  showVersions();
  updateTracks();
  showVotes();
  for (const figure of queryAll("figure[data-version]"))
    figure.classList.toggle("chosen", figure.dataset.version === state.version);
  queryAll("#songs button").forEach((button, index) => {
    button.setAttribute("aria-current", index === state.song);
  });
  byId("matching").textContent = loudnessText();
  showLoop(state.loop);
  showTime();
  showLevel();
}

function showVersions() {
  versionsInButtonOrder().forEach((version, index) => {
    const button = byId("versions").children[index];
    const [name, note] = button.children;
    name.textContent = nameOf(version);
    note.textContent = button.title = noteOf(version);
    button.dataset.version = version;
    button.setAttribute("aria-pressed", version === state.version);
  });
}

function loudnessText() {
  if (areNamesHidden()) return "All versions have equal loudness.";
  const listed = (key) => VERSIONS.map((id) => `${LABELS[id].name} ${song().loudnessGain[id][key]}`).join(", ");
  return state.loudnessMatched
    ? `Gain applied for equal loudness: ${listed("text")}.`
    : `No gain applied. Loudness of the versions: ${listed("level")}; louder ones tend to seem better.`;
}

function showVotes() {
  const { table, songs: cast } = tally();
  byId("ballot").hidden = !blindTest.on;
  byId("vote").hidden = !areNamesHidden();
  byId("vote").disabled = !isHidden(state.version);
  byId("vote").textContent = isHidden(state.version) ? `${nameOf(state.version)} is the best` : "Choose a version to vote for";
  const voted = blindTest.votes[state.song];
  byId("verdict").textContent = !blindTest.on || !voted ? "" : `You chose ${LABELS[voted].name}. ${remainingVotesText()}`;
  byId("votes-card").hidden = cast === 0;
  byId("votes").replaceChildren(...table.map(({ id, wins }) => createElement(
    "tr", {},
    createElement("th", { scope: "row", textContent: [LABELS[id].name, LABELS[id].note].filter(Boolean).join(" · ") }),
    createElement("td", { textContent: `${wins} of ${cast}` }),
  )));
  if (cast) byId("luck").textContent = chanceText(table[0], cast);
}

function remainingVotesText() {
  const rest = blindTest.votes.filter((vote) => vote === null).length;
  if (rest) return `${rest === 1 ? "One song is" : `${rest} songs are`} left.`;
  return "That was the last song.";
}

function chanceText({ id, wins }, cast) {
  const chance = Math.round(100 * probabilityByChance(wins, cast, VOTABLE.length));
  return `With random votes, a version would be best on ${wins} of ${cast} songs or more in at most `
    + `${Math.max(1, chance)} % of such tests. ${chance > 5 ? "This may be chance." : `That ${LABELS[id].name} is best is unlikely to be chance.`}`;
}

/** Show the loop as set, or as dragged so far. */
function showLoop(loop) {
  const { seconds } = song();
  byId("clear").hidden = byId("loop").hidden = !loop;
  if (!loop) return;
  const [from, to] = [loop.from, loop.to].map((at) => formatTime(at + 0.05)); // rounded to tenths
  byId("loop-text").textContent = `Loop ${from} – ${to}`;
  byId("loop").style.left = percent(loop.from / seconds);
  byId("loop").style.width = percent((loop.to - loop.from) / seconds);
}

function showTime() {
  const { seconds } = song();
  const at = position();
  byId("now").textContent = formatTime(at);
  byId("position").setAttribute("aria-valuetext", `${at.toFixed(1)} of ${seconds.toFixed(1)} seconds`);
  if (!isDraggingPosition) byId("position").value = at;
  byId("playhead").style.left = percent(at / seconds);
}

function showLevel() {
  const levels = currentLevels();
  const part = (db) => 1 - clamp(db, METER_FLOOR_DB, 0) / METER_FLOOR_DB;
  const text = (db) => (db > METER_FLOOR_DB ? `${db.toFixed(1).replace("-", "−")} dBFS` : "–");
  const peak = Math.max(...levels.map(({ peakDb }) => peakDb));
  const rms = toDb(Math.hypot(...levels.map(({ rmsDb }) => 10 ** (rmsDb / 20))) / Math.SQRT2);
  queryAll("#meter .channel").forEach((bar, index) => {
    bar.style.setProperty("--rms", part(levels[index].rmsDb));
    bar.style.setProperty("--peak", part(levels[index].peakDb));
  });
  byId("peak").textContent = text(peak);
  byId("rms").textContent = text(rms);
  byId("meter").setAttribute("aria-valuenow", Math.round(clamp(rms, METER_FLOOR_DB, 0)));
  byId("meter").setAttribute("aria-valuetext", `peak ${text(peak)}, RMS ${text(rms)}`);
}
