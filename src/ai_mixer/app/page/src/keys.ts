// Keys of the whole page.

import { $ } from "./dom.ts";
import * as p from "./player.ts";
import * as v from "./selection.ts";
import { vote } from "./transport_view.ts";
import { keepVersion, state, stepBack, stepForward } from "./store.ts";

const help = $<HTMLDialogElement>("help");
$("help-button").addEventListener("click", () => help.showModal());
$("close-help").addEventListener("click", () => help.close());

const actions: Record<string, () => void> = {
  " ": p.togglePlayback,
  "1": () => v.select(v.order()[0]),
  "2": () => v.select(v.order()[1]),
  "3": () => v.order()[2] && v.select(v.order()[2]),
  n: () => v.setBlind(!state.blind),
  v: vote,
  s: () => $("picture").click(),
  "0": () => p.seek(p.range().from),
  ArrowLeft: () => p.seek(Math.max(p.range().from, p.position() - 1)),
  ArrowRight: () => p.seek(Math.min(p.range().to - 0.01, p.position() + 1)),
  "[": () => p.setLoop({ from: p.position(), to: p.player.loop?.to ?? p.duration() }),
  "]": () => p.setLoop({ from: p.player.loop?.from ?? 0, to: p.position() }),
  c: () => p.setLoop(null),
  l: () => p.setRepeat(!p.player.repeat),
  m: () => v.setMatched(!state.matched),
  k: () => keepVersion("By hand"),
};

/** Whether an element uses a key itself. */
function takes(target: EventTarget | null, key: string): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return true;
  if (target instanceof HTMLInputElement)
    return target.type === "range" ? key.startsWith("Arrow") : target.type !== "checkbox" || key === " ";
  return key === " " && (target instanceof HTMLButtonElement || target instanceof HTMLAnchorElement);
}

addEventListener("keydown", (event) => {
  const { key } = event;
  if (help.open || !state.song || event.altKey) return;
  if ((event.ctrlKey || event.metaKey) && key.toLowerCase() === "z") {
    if (event.target instanceof HTMLTextAreaElement) return;
    event.preventDefault();
    if (event.shiftKey) stepForward();
    else stepBack();
    return;
  }
  if (event.ctrlKey || event.metaKey || takes(event.target, key)) return;
  if (key === "?") help.showModal();
  const action = actions[key.length === 1 ? key.toLowerCase() : key];
  if (!action) return;
  event.preventDefault();
  action();
});
