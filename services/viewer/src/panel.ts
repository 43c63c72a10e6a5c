// What every panel has: a heading, a sentence that says what it is, and a body that loads.

import { h } from "./dom";
import type { Span } from "./prometheus";
import { say, texts, type Words } from "./texts";

export interface View {
  element: HTMLElement;
  /** Ask for the values of the span; what comes back puts them on the screen. */
  load(span: Span): Promise<() => void>;
  close(): void;
}

/** A panel that says it is loading. */
export function frame(panel: { id: string; kind: string; title: Words; help: Words }): { element: HTMLElement; body: HTMLElement; head: HTMLElement } {
  const name = `panel-${panel.id}`;
  const head = h("header", {}, h("h2", { id: name }, say(panel.title)), h("p", { class: "help" }, say(panel.help)));
  const body = h("div", { class: "body" }, h("p", { class: "loading" }, texts().loading));
  return { element: h("section", { class: `panel ${panel.kind}`, "aria-labelledby": name, "data-panel": panel.id }, head, body), body, head };
}

/** The panel could not be asked for; the rest of the page is not concerned. */
export function failed(view: View, reason: string): void {
  const t = texts();
  view.element.querySelector(".body")?.replaceChildren(
    h("div", { class: "none-here", role: "alert" }, h("strong", {}, t.queryFailed), h("p", { class: "detail" }, `${t.detail}${reason}`)),
  );
}
