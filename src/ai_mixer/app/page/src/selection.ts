// Which version is audible, and how loud: equal loudness, hidden names.

import { player, send } from "./player.ts";
import { changed, on, state } from "./store.ts";
import type { Version } from "./types.ts";

/** Gains of the versions: equal loudness, without raising any of them. */
export function gains(): Record<Version, number> {
  const { loudness, matched } = state;
  const levels = (["rough", "mix", "reference"] as Version[]).map((version) => loudness[version]);
  const known = levels.filter((level): level is number => level !== null && level > -70);
  const lowest = Math.min(...known);
  const gain = (level: number | null) =>
    matched && level !== null && level > -70 ? 10 ** ((lowest - level) / 20) : 1;
  return { rough: gain(levels[0]), mix: gain(levels[1]), reference: gain(levels[2]) };
}

const listen = () => send({ kind: "listen", version: state.audible, gains: gains() });

export function select(version: Version): void {
  if (version === "reference" && !player.audio.reference) return;
  state.audible = version;
  listen();
  changed("audible");
}

/** Versions in the order of the buttons. */
export function order(): Version[] {
  const all: Version[] = ["rough", "mix", "reference"];
  return state.blind ?? all;
}

/** Hide the names of the versions, in a random order; or show them. */
export function setBlind(on: boolean): void {
  const available: Version[] = player.audio.reference ? ["rough", "mix", "reference"] : ["rough", "mix"];
  state.blind = on ? available.map((version) => ({ version, at: Math.random() })).sort((a, b) => a.at - b.at).map(({ version }) => version) : null;
  if (on) state.matched = true;
  if (on) select(state.blind![0]);
  else changed("audible");
}

export function setMatched(matched: boolean): void {
  state.matched = matched;
  listen();
  changed("audible");
}

on(["loudness"], listen);
