// What the player says: a strip over the picture for what passes, a panel instead of the picture for what does not.

import { h } from "../dom";
import { texts } from "../texts";
import { worded } from "./button";
import { fill, words } from "./texts";

export class Notices {
  // Spoken once when it changes; the seconds that count down are for the eye only.
  private readonly said = h("span", { role: "status", id: "said" });
  private readonly count = h("span", { class: "count", "aria-hidden": "true" });
  private readonly now = worded(words().tryNow, () => this.again());
  readonly strip = h("div", { class: "strip quiet" }, this.said, this.count, this.now);
  readonly problem = h("div", { class: "problem", role: "alert", hidden: true });
  readonly over = h("div", { class: "problem over", role: "status", id: "over", hidden: true });
  private again: () => void = () => undefined;

  /** Say something that passes; nothing to fall silent. With ``again`` there is a button that tries at once. */
  say(text: string, again?: () => void): void {
    if (this.said.textContent !== text) this.said.textContent = text;
    this.strip.classList.toggle("quiet", !text);
    this.now.hidden = !again;
    this.again = again ?? this.again;
    if (!again) this.countdown(null);
  }

  /** Seconds until the next try. */
  countdown(seconds: number | null): void {
    this.count.textContent = seconds === null ? "" : fill(words().inSeconds, { n: String(Math.max(0, Math.ceil(seconds))) });
  }

  /** An error that stays: its reason in words, the technical one, and a way on. */
  fail(reason: string, detail: string, again: () => void): void {
    const t = texts();
    this.say("");
    this.problem.replaceChildren(h("h2", {}, t.failed), h("p", {}, reason), h("p", { class: "detail" }, `${t.detail}: ${detail}`), worded(t.again, () => {
      this.problem.hidden = true;
      again();
    }));
    this.problem.hidden = false;
  }

  /** An end that is none of anybody's fault. The same words are not said twice. */
  finish(title: string, text: string | null, ...ways: HTMLElement[]): void {
    const key = `${title} ${text}`;
    if (this.over.dataset["key"] !== key) {
      this.over.dataset["key"] = key;
      this.over.replaceChildren(h("h2", {}, title), ...(text ? [h("p", {}, text)] : []), ...ways);
    }
    this.say("");
    this.over.hidden = false;
  }
}
