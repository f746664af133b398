// Blind test: names are hidden, and rough and mixes have a random order per song until the user votes
// for one of them. Votes are not stored; their result is compared with chance.

const VOTABLE = versions.filter(({ votable }) => votable).map(({ id }) => id);
const blindTest = { on: false, orders: songs.map(() => VOTABLE), votes: songs.map(() => null) };

const areNamesHidden = () => blindTest.on && blindTest.votes[state.song] === null;
const allVotesCast = () => blindTest.votes.every((vote) => vote !== null);
const isHidden = (version) => areNamesHidden() && VOTABLE.includes(version);

/** The versions in the order of the buttons. */
function versionsInButtonOrder() {
  if (!blindTest.on) return VERSIONS;
  const named = VERSIONS.filter((version) => !VOTABLE.includes(version));
  return [...blindTest.orders[state.song], ...named];
}

function shuffle(list) {
  const rest = [...list];
  return list.map(() => rest.splice(Math.floor(Math.random() * rest.length), 1)[0]);
}

function setBlind(on) {
  if (on && !blindTest.on)
    blindTest.orders = blindTest.orders.map((order, song) => (blindTest.votes[song] === null ? shuffle(VOTABLE) : order));
  blindTest.on = on;
  if (areNamesHidden()) selectFirstVersion();
  else crossfadeToSelected();
}

/** Select the first button: the user knows the name of the version selected before. */
function selectFirstVersion() {
  state.loudnessMatched = true; // louder versions are preferred
  selectVersion(versionsInButtonOrder()[0]);
}

function vote() {
  if (!isHidden(state.version)) return;
  blindTest.votes[state.song] = state.version;
  updatePage();
}

/** [{id, wins}] with most wins first, and the number of songs with a vote. */
function tally() {
  const cast = blindTest.votes.filter((vote) => vote !== null);
  const wins = (version) => cast.filter((vote) => vote === version).length;
  const table = VOTABLE.map((id) => ({ id, wins: wins(id) }));
  return { table: table.sort((a, b) => b.wins - a.wins), songs: cast.length };
}

/** Upper bound of the probability that random votes give any version `wins` songs or more: the tail
 *  of the binomial distribution times the number of versions (Bonferroni). */
function probabilityByChance(wins, songs, count) {
  const share = 1 / count;
  let tail = 0;
  let binomial = 1; // songs choose k
  for (let k = 0; k <= songs; k += 1) {
    if (k >= wins) tail += binomial * share ** k * (1 - share) ** (songs - k);
    binomial *= (songs - k) / (k + 1);
  }
  return Math.min(1, count * tail);
}
