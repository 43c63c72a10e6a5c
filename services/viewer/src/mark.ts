// What a value means, by shape, word and colour together.

import type { Tone } from "./boards";
import { h } from "./dom";
import { texts } from "./texts";

const SHAPES: Record<Tone, string> = { good: "✓", bad: "▲", unknown: "?" };

/** A small badge; without a word of its own it says whether the target is met. */
export function mark(tone: Tone, word?: string): HTMLElement {
  const t = texts();
  const said = word ?? { good: t.met, bad: t.missed, unknown: t.unknown }[tone];
  return h("span", { class: `mark ${tone}` }, h("span", { class: "shape", "aria-hidden": "true" }, SHAPES[tone]), said);
}
