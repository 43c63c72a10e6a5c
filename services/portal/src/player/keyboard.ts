// Keys, and the dialog that tells of them. Single keys can be switched off: they get in the way of some screen readers and of speech input.

import { h } from "../dom";
import { worded } from "./button";
import { recall, remember } from "./memory";
import { words } from "./texts";

const SINGLE = "single-keys";
/** Keys that scroll the page where the player has no use for them. */
const SCROLLS = /^( |Arrow.+|Home|End)$/;
/** Keys that go on for as long as they are held; any other one acts once. */
const GO_ON = /^(Arrow.+|[<>])$/;
const MODIFIED = (event: KeyboardEvent): boolean => event.ctrlKey || event.altKey || event.metaKey;

export type Actions = Record<string, () => void>;

/** Rows of the help: the keys, and what they do. */
function rows(): [string[], string][] {
  const t = words();
  return [
    [[t.space, "K"], t.keyPlay], [["←", "→"], t.keySeek], [["Home", "End"], t.keyEnds], [["↑", "↓"], t.keyVolume], [["M"], t.keyMute],
    [["C"], t.keyCaptions], [["<", ">"], t.keyRate], [["L"], t.keyLive], [["F"], t.keyFull], [["?"], t.keyHelp],
  ];
}

/** The dialog with the keys; the browser closes it with Escape and gives the focus back. */
export function help(): HTMLDialogElement {
  const t = words();
  const single = h("input", { type: "checkbox", id: "single-keys", checked: recall(SINGLE) !== "off", "aria-describedby": "single-keys-hint" });
  single.addEventListener("change", () => remember(SINGLE, single.checked ? "on" : "off"));
  const list = rows().map(([keys, what]) => h("div", {}, h("dt", {}, ...keys.flatMap((key, at) => [at ? " " : "", h("kbd", {}, key)])), h("dd", {}, what)));
  const dialog = h("dialog", { class: "help", id: "help", "aria-labelledby": "help-title" },
    h("h2", { id: "help-title" }, t.helpTitle),
    h("dl", {}, ...list),
    h("p", { class: "single" }, h("label", { for: "single-keys" }, single, " ", t.singleKeys), h("span", { id: "single-keys-hint", class: "hint" }, t.singleKeysHint)),
    worded(t.close, () => dialog.close(), { class: "close" }),
  );
  return dialog;
}

/** Whether the key belongs to what has the focus: a slider keeps its arrows, a list its letters, a button its space. */
function taken(event: KeyboardEvent): boolean {
  const on = event.target;
  if (on instanceof HTMLSelectElement || (on instanceof Element && on.closest("dialog[open]"))) return true;
  if (on instanceof HTMLInputElement) return on.type !== "range" || /^(Arrow|Home|End|Page)/.test(event.key);
  const pressed = event.key === " " || event.key === "Enter";
  return pressed && (on instanceof HTMLButtonElement || on instanceof HTMLAnchorElement);
}

/** Whether the key would scroll for somebody who is not at the player, but reads what stands below it. */
function scrolls(event: KeyboardEvent): boolean {
  if (!SCROLLS.test(event.key) || document.fullscreenElement) return false;
  const on = event.target;
  return on === document.body ? window.scrollY > 0 : !(on instanceof Element && on.closest(".player"));
}

/** Listen to the keys of the whole page; what is given back ends it. */
export function listen(actions: Actions): () => void {
  const listener = (event: KeyboardEvent): void => {
    if (MODIFIED(event) || taken(event) || scrolls(event)) return;
    if (event.key.length === 1 && event.key !== " " && recall(SINGLE) === "off") return;
    const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    if (!event.repeat || GO_ON.test(event.key)) action();
  };
  document.addEventListener("keydown", listener, true);
  return () => document.removeEventListener("keydown", listener, true);
}
