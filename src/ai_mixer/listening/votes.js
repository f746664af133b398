// Names hidden: rough and mixes change places with every song, until one of them is voted for. Votes
// live as long as the page; what they say is weighed against luck.

const ENTRANTS = versions.filter(({ entrant }) => entrant).map(({ id }) => id);
const blind = { on: false, orders: songs.map(() => ENTRANTS), votes: songs.map(() => null) };

const namesHidden = () => blind.on && blind.votes[state.song] === null;
const everyVoteCast = () => blind.votes.every((vote) => vote !== null);
const isHidden = (version) => namesHidden() && ENTRANTS.includes(version);

/** The versions in the order of the buttons. */
function inOrder() {
  if (!blind.on) return VERSIONS;
  const named = VERSIONS.filter((version) => !ENTRANTS.includes(version));
  return [...blind.orders[state.song], ...named];
}

function shuffled(list) {
  const left = [...list];
  return list.map(() => left.splice(Math.floor(Math.random() * left.length), 1)[0]);
}

function setBlind(on) {
  if (on && !blind.on)
    blind.orders = blind.orders.map((order, song) => (blind.votes[song] === null ? shuffled(ENTRANTS) : order));
  blind.on = on;
  if (namesHidden()) hearSomeone();
  else fadeToChoice();
}

/** Whoever stands first: the one heard so far is known by name. */
function hearSomeone() {
  state.matched = true; // the louder one would win
  choose(inOrder()[0]);
}

function vote() {
  if (!isHidden(state.version)) return;
  blind.votes[state.song] = state.version;
  changed();
}

/** [{id, wins}], most wins first, and how many songs were voted on. */
function tally() {
  const cast = blind.votes.filter((vote) => vote !== null);
  const wins = (version) => cast.filter((vote) => vote === version).length;
  const table = ENTRANTS.map((id) => ({ id, wins: wins(id) }));
  return { table: table.sort((a, b) => b.wins - a.wins), songs: cast.length };
}

/** The chance that, of listeners who only guess, some version wins so many songs or more, at most:
 *  the tail of the binomial distribution, times the number of versions (Bonferroni). */
function luck(wins, songs, entrants) {
  const share = 1 / entrants;
  let tail = 0;
  let ways = 1; // songs over k
  for (let k = 0; k <= songs; k += 1) {
    if (k >= wins) tail += ways * share ** k * (1 - share) ** (songs - k);
    ways *= (songs - k) / (k + 1);
  }
  return Math.min(1, entrants * tail);
}
