// The parts of the player on the page, in the order in which a keyboard reaches them.

import type { Way } from "../access";
import { h } from "../dom";
import type { Lesson } from "../lessons";
import { texts } from "../texts";
import { Captions } from "./captions";
import { Controls } from "./controls";
import { icon } from "./icons";
import { help } from "./keyboard";
import { Notices } from "./notices";
import { Quality } from "./quality";
import { Seek } from "./seek";
import { words } from "./texts";

const choice = (name: string, select: HTMLSelectElement): HTMLElement => h("label", { for: select.id, class: "choice" }, name, " ", select);
const fact = (name: string, value: HTMLElement, title: string | null = null): HTMLElement => h("div", { title }, h("dt", {}, name), value);

export class View {
  readonly video = h("video", { playsinline: true, preload: "auto", tabindex: 0, "aria-label": texts().player });
  readonly notices = new Notices();
  readonly captions = new Captions(this.video);
  readonly quality = new Quality();
  readonly controls = new Controls(this.video, () => this.element);
  readonly seek: Seek;
  readonly help = help();
  readonly buffer = h("dd", { id: "buffer" }, "–");
  private readonly origin = h("dd", { id: "from" }, words().fromCity);
  readonly soundSign = h("p", { class: "sound-sign", hidden: true }, icon("sound"), h("span", {}, words().soundSign));
  readonly element: HTMLElement;
  private readonly screen: HTMLElement;
  private readonly buttons: HTMLElement;
  private readonly facts: HTMLElement;

  constructor(lesson: Lesson) {
    if (lesson.poster) this.video.poster = lesson.poster;
    this.seek = new Seek(this.video, lesson.thumbnails);
    const { notices, captions, controls } = this;
    this.screen = h("div", { class: "screen" }, this.video, this.soundSign, captions.shown, controls.begin, notices.strip, notices.problem, notices.over);
    this.buttons = h("div", { class: "buttons", role: "group", "aria-label": words().controls },
      controls.play, controls.mute, controls.volume, h("span", { class: "gap" }), captions.button,
      h("button", { type: "button", id: "show-help", class: "sign", "aria-label": words().help, title: words().help, "aria-haspopup": "dialog" }, "?"), controls.full);
    this.buttons.querySelector("#show-help")?.addEventListener("click", () => this.help.showModal());
    this.facts = h("dl", {}, fact(texts().playing, this.quality.rendition), fact(texts().buffered, this.buffer), fact(words().from, this.origin));
    this.element = h("section", { class: "player", "aria-label": texts().player }, this.screen, this.seek.element, this.buttons,
      h("div", { class: "bar", role: "group", "aria-label": texts().state }, this.facts,
        h("div", { class: "choices" }, captions.choice, choice(texts().quality, this.quality.choice), choice(words().rate, controls.rate))),
      this.help);
  }

  /** Add what only a broadcast has: its badge, the way back to it, its delay. */
  addLive(badge: HTMLElement, back: HTMLElement, latency: HTMLElement): void {
    this.screen.append(badge);
    this.buttons.querySelector(".gap")?.before(back);
    this.facts.append(fact(words().latency, latency, words().latencyNote));
  }

  /** Say where the lesson comes from; its small pictures come from there too. */
  from(way: Way | null): void {
    this.seek.pictures?.by(way);
    this.origin.textContent = way ? words().fromSchool : words().fromCity;
  }

  /** Leave everything to the browser's own player, for one that plays HLS by itself and lets no script do it. */
  plain(): void {
    this.video.controls = true;
    for (const part of [this.seek.element, this.buttons, this.controls.begin]) part.remove();
    this.quality.choice.disabled = true;
  }
}
