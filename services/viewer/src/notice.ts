// What the page says instead of figures.

import type { City } from "./boards";
import { h } from "./dom";
import { Refused } from "./prometheus";
import { say, texts } from "./texts";

function readers(city: City): Node[] {
  const t = texts();
  const first = city.readers[0];
  return [
    h("p", {}, t.signedOutHint),
    h("ul", {}, ...city.readers.map((reader) => h("li", {}, say(reader.title)))),
    h("p", {}, t.how),
    ...(first ? [h("pre", {}, h("code", {}, `huiju access sign-in --tier ${first.id}`))] : []),
  ];
}

/** The whole page's trouble, with a way on. */
export function notice(error: unknown, city: City | null, again: () => void): HTMLElement {
  const t = texts();
  const trouble = error instanceof Refused ? error.trouble : "down";
  const why = error instanceof Refused && error.words ? [h("p", { class: "why" }, error.words)] : [];
  const detail = error instanceof Error ? error.message : String(error);
  const button = h("button", { type: "button" }, t.retry);
  button.addEventListener("click", again);
  const end = [h("p", { class: "detail" }, `${t.detail}${detail}`), button];
  if (city && (trouble === "signed-out" || trouble === "forbidden")) {
    const title = trouble === "signed-out" ? t.signedOut : t.forbidden;
    return h("div", { class: "notice", role: "alert", "data-trouble": trouble }, h("h2", {}, title), ...why, ...readers(city), ...end);
  }
  const body = city ? [h("h2", {}, t.down), ...why, h("p", {}, t.downHint)] : [h("h2", {}, t.boardsFailed)];
  return h("div", { class: "notice", role: "alert", "data-trouble": city ? trouble : "boards" }, ...body, ...end);
}
