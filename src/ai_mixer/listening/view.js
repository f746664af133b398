// What is on the page: `drawSong` when the song changed, `show` after every press, `showTime` and
// `showLevel` while it plays.

const LABELS = Object.fromEntries(versions.map((version) => [version.id, version]));
const MIXES = VERSIONS.slice(1, -1);
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

/** What a version may be called now. */
function nameOf(version) {
  return isHidden(version) ? `Version ${inOrder().indexOf(version) + 1}` : LABELS[version].name;
}

function noteOf(version) {
  if (isHidden(version)) return "name hidden";
  const voted = blind.on && blind.votes[state.song] === version;
  return voted ? "your vote" : LABELS[version].note;
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
  element("versions").append(...VERSIONS.map(drawButton));
  element("version-keys").append(...VERSIONS.flatMap((_, index) => [keyCap(index + 1), " "]));
  const mixHeads = MIXES.map((version) => head(LABELS[version].name, "chosen", version));
  const several = MIXES.length > 1; // neutral is on the bars, and room is short
  element("settings-head").append(
    head("Knob"), ...mixHeads, head("True", "true"), ...(several ? [] : [head("Neutral", "neutral")]),
  );
  element("metrics-head").append(head("Measure"), ...["rough", ...MIXES].map((id) => head(LABELS[id].name)));
  document.body.dataset.several = several;
  element("differences").append(...differences.map(drawDifference));
  element("differences-card").hidden = differences.length === 0 || !several;
  // MLflow's frame has no address to follow a link from: there, the names alone.
  if (window.top !== window) for (const link of all("footer a")) link.replaceWith(link.textContent);
  for (const db of METER_MARKS_DB) {
    const mark = make("span", { textContent: `${db}`.replace("-", "−") });
    mark.style.left = percent(1 - db / METER_FLOOR_DB);
    element("meter").lastElementChild.append(mark);
  }
}

function drawButton(_, index) {
  const button = make("button", { type: "button", onclick: () => choose(inOrder()[index]) });
  button.setAttribute("aria-keyshortcuts", index + 1);
  button.append(make("b"), make("small"));
  return button;
}

const keyCap = (text) => make("kbd", { textContent: text });

/** The head of a column; the first one is read out only. */
function head(text, mark, version) {
  const first = text === "Knob" || text === "Measure";
  const cell = make("th", { scope: "col" });
  if (mark) cell.append(own(make("span", { className: `key ${mark}` }), version));
  cell.append(first ? make("span", { className: "hidden", textContent: text }) : text);
  return cell;
}

/** In the colour of a version. */
function own(node, version) {
  if (version) node.style.setProperty("--own", `var(--${version})`);
  return node;
}

function drawDifference({ song, label, mixes }) {
  const values = mixes.map(({ version, value }) => `${LABELS[version].name} ${value}`).join(", ");
  const button = make("button", { type: "button", onclick: () => openSong(song) });
  button.append(`${label}: ${values}`, make("small", { textContent: songs[song].name }));
  return make("li", {}, button);
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
  const alt = `Spectrogram of ${LABELS[version].name}: time to the right, pitch upwards`;
  const figure = make(
    "figure",
    {},
    make("img", { src: song().pictures[version], alt, draggable: false }),
    make("figcaption", { textContent: LABELS[version].name }),
  );
  figure.dataset.version = version;
  figure.dataset.entrant = ENTRANTS.includes(version);
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
  const put = (className, at, version) => {
    const mark = own(make("span", { className }), version);
    mark.style.left = percent(at);
    bar.append(mark);
    return mark;
  };
  if (row.mixes.length === 1) {
    const [{ at, version }] = row.mixes;
    const width = Math.abs(at - row.neutralAt);
    put("fill", Math.min(at, row.neutralAt), version).style.width = percent(width);
  }
  put("neutral", row.neutralAt);
  if (row.trueAt !== null) put("true", row.trueAt);
  for (const { at, version } of row.mixes) if (at !== null) put("chosen", at, version);
  return make(
    "tr",
    { className: row.masked ? "masked" : "" },
    make("th", { scope: "row" }, row.label, bar),
    ...row.mixes.map(({ value }) => make("td", { textContent: value })),
    make("td", { className: "true-value", textContent: row.masked ? "masked" : (row.true ?? "unknown") }),
    ...(row.mixes.length === 1 ? [make("td", { className: "muted", textContent: row.neutral })] : []),
  );
}

function drawMetric({ label, rough, mixes }) {
  return make(
    "tr",
    {},
    make("th", { scope: "row", textContent: label }),
    make("td", { className: "muted", textContent: rough ?? "–" }),
    ...mixes.map((text) => make("td", { textContent: text })),
  );
}

// ---- with every press ---------------------------------------------------------------------------

function show() {
  Object.assign(document.body.dataset, {
    playing: state.playing,
    source: isHidden(state.version) ? "hidden" : state.version,
    hidden: namesHidden(),
    hiding: blind.on && !everyVoteCast(),
    song: state.song,
    matched: state.matched,
    repeat: state.repeat,
  });
  element("play-label").textContent = state.playing ? "Pause" : "Play";
  element("repeat").checked = state.repeat;
  element("match").checked = state.matched;
  element("match").disabled = namesHidden();
  element("blind").checked = blind.on;
  showVersions();
  showVotes();
  for (const figure of all("figure[data-version]"))
    figure.classList.toggle("chosen", figure.dataset.version === state.version);
  all("#songs button").forEach((button, index) => {
    button.setAttribute("aria-current", index === state.song);
  });
  element("matching").textContent = aboutLoudness();
  showLoop(state.loop);
  showTime();
  showLevel();
}

function showVersions() {
  inOrder().forEach((version, index) => {
    const button = element("versions").children[index];
    const [name, note] = button.children;
    name.textContent = nameOf(version);
    note.textContent = button.title = noteOf(version);
    button.dataset.version = version;
    button.setAttribute("aria-pressed", version === state.version);
  });
}

function aboutLoudness() {
  if (namesHidden()) return "All versions play equally loud.";
  const applied = VERSIONS.map((id) => `${LABELS[id].name} ${song().matching[id].text}`);
  return state.matched
    ? `Volume evened out so you compare sound, not loudness: ${applied.join(", ")}.`
    : "Every version plays at its own volume: the louder one tends to seem better.";
}

function showVotes() {
  const { table, songs: cast } = tally();
  element("ballot").hidden = !blind.on;
  element("vote").hidden = !namesHidden();
  element("vote").disabled = !isHidden(state.version);
  element("vote").textContent = isHidden(state.version) ? `${nameOf(state.version)} is the best` : "Choose a version to vote for";
  const voted = blind.votes[state.song];
  element("verdict").textContent = !blind.on || !voted ? "" : `You chose ${LABELS[voted].name}. ${leftToVote()}`;
  element("votes-card").hidden = cast === 0;
  element("votes").replaceChildren(...table.map(({ id, wins }) => make(
    "tr", {},
    make("th", { scope: "row", textContent: [LABELS[id].name, LABELS[id].note].filter(Boolean).join(" · ") }),
    make("td", { textContent: `${wins} of ${cast}` }),
  )));
  if (cast) element("luck").textContent = aboutLuck(table[0], cast);
}

function leftToVote() {
  const left = blind.votes.filter((each) => each === null).length;
  if (left) return `${left === 1 ? "One song is" : `${left} songs are`} left.`;
  return "That was the last song.";
}

function aboutLuck({ id, wins }, cast) {
  const chance = Math.round(100 * luck(wins, cast, ENTRANTS.length));
  return `If nobody could tell them apart, some version would be best on ${wins} of ${cast} songs or more in `
    + `at most ${Math.max(1, chance)} % of such tests. ${chance > 5 ? "So this may be luck." : `So ${LABELS[id].name} is hardly luck.`}`;
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
