// Mute and solo of the tracks of a song, in each version. While all tracks are audible, the version
// itself is played; else the sum of the audible tracks, which are decoded on first use.

const muted = new Set(); // places of tracks of the current song
const soloed = new Set();

const trackKeys = () => VERSIONS.flatMap((version) => song().tracks.map((_, track) => `${version}-t${track}`));
const isPartial = () => muted.size + soloed.size > 0;
const isTrackAudible = (track) => !muted.has(track) && (soloed.size === 0 || soloed.has(track));

function resetTracks() {
  muted.clear();
  soloed.clear();
}

/** Mute or solo a track, or undo it. Playback continues when the tracks are decoded. */
async function toggleTrack(chosen, track) {
  if (!chosen.delete(track)) chosen.add(track);
  updatePage();
  const current = playback;
  if (!current) return;
  const index = state.song;
  try {
    const buffers = await buffersOf(index);
    if (playback !== current || state.song !== index) return;
    if (Object.keys(buffers).every((key) => key in current.gains)) return crossfadeToSelected();
    const when = nextStartTime();
    startPlayback(wrapIntoRange(positionOf(current, when)), when);
  } catch (error) {
    resetTracks();
    crossfadeToSelected();
    showStatus(`This browser could not play the tracks: ${error.message}`);
  }
  updatePage();
}

function createTrackRow(name, track) {
  const button = (text, chosen) => {
    const created = createElement("button", { type: "button", className: "plain", textContent: text, onclick: () => toggleTrack(chosen, track) });
    created.setAttribute("aria-label", `${text} ${name}`);
    return createElement("td", {}, created);
  };
  return createElement("tr", {}, createElement("th", { scope: "row", textContent: name }), button("Mute", muted), button("Solo", soloed));
}

function showTracks() {
  byId("tracks-card").hidden = song().tracks.length === 0;
  byId("tracks").replaceChildren(...song().tracks.map(createTrackRow));
}

function updateTracks() {
  [...byId("tracks").children].forEach((row, track) => {
    const [mute, solo] = row.querySelectorAll("button");
    mute.setAttribute("aria-pressed", muted.has(track));
    solo.setAttribute("aria-pressed", soloed.has(track));
    row.classList.toggle("inaudible", !isTrackAudible(track));
  });
}
