// The bar to seek with: a slider that the keyboard moves as well, with what is buffered, and a small picture where the lesson has some.

import { h } from "../dom";
import { clock } from "../lessons";
import { fill, words } from "./texts";
import { Thumbnails } from "./thumbnails";
import { bufferedTo, moveTo, reach } from "./timeline";

export class Seek {
  readonly element: HTMLElement;
  private readonly slider = h("input", { type: "range", id: "seek", min: 0, max: 0, step: 1, value: 0, "aria-label": words().position });
  private readonly at = h("span", { class: "at", "aria-hidden": "true" }, clock(0));
  private readonly all = h("span", { class: "all", "aria-hidden": "true" }, "–");
  private readonly frame = h("div", { class: "frame", hidden: true });
  private readonly time = h("span", {});
  private readonly preview = h("div", { class: "preview", "aria-hidden": "true", hidden: true }, this.frame, this.time);
  readonly pictures: Thumbnails | null;
  private held = false;
  /** Whether the lesson is being broadcast: then a position is told by how far it is behind. */
  live = false;
  /** Whether the viewer asked for sound only: then small pictures are left out too. */
  frugal = false;

  constructor(private readonly video: HTMLVideoElement, pictures: string | null) {
    this.pictures = pictures ? new Thumbnails(pictures, this.frame) : null;
    this.element = h("div", { class: "seek" }, this.at, h("div", { class: "track" }, this.slider, this.preview), this.all);
    this.slider.addEventListener("input", () => {
      this.held = true;
      this.show(Number(this.slider.value));
      this.tell(Number(this.slider.value));
    });
    this.slider.addEventListener("change", () => {
      this.held = false;
      moveTo(video, Number(this.slider.value));
    });
    this.slider.addEventListener("pointermove", (event) => this.show(this.under(event)));
    for (const gone of ["pointerleave", "blur", "change"]) this.slider.addEventListener(gone, () => { this.preview.hidden = true; });
  }

  /** The second under a pointer. */
  private under(event: PointerEvent): number {
    const box = this.slider.getBoundingClientRect();
    const { from, to } = reach(this.video);
    return from + Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * (to - from);
  }

  private words(at: number): string {
    const { from, to } = reach(this.video);
    return this.live ? `−${clock(to - at)}` : clock(at - from);
  }

  private show(at: number): void {
    const { from, to } = reach(this.video);
    if (to <= from) return;
    this.time.textContent = this.words(at);
    this.preview.style.setProperty("--place", `${(100 * (at - from)) / (to - from)}%`);
    this.preview.hidden = false;
    if (this.frugal) this.frame.hidden = true;
    else this.pictures?.show(at);
  }

  private tell(at: number): void {
    const { from, to } = reach(this.video);
    const t = words();
    const said = this.live ? fill(t.behindBy, { at: clock(to - at) }) : fill(t.of, { at: clock(at - from), all: clock(to - from) });
    this.slider.setAttribute("aria-valuetext", said);
    this.at.textContent = this.words(at);
    this.slider.style.setProperty("--done", to > from ? `${(100 * (at - from)) / (to - from)}%` : "0%");
  }

  /** Follow the video. */
  measure(): void {
    const { from, to } = reach(this.video);
    this.slider.min = String(Math.floor(from));
    this.slider.max = String(Math.ceil(to));
    this.slider.disabled = to <= from;
    this.all.textContent = this.live ? words().live : clock(to - from);
    const ahead = to > from ? (100 * (bufferedTo(this.video) - from)) / (to - from) : 0;
    this.slider.style.setProperty("--ahead", `${Math.min(100, ahead)}%`);
    if (this.held) return;
    this.slider.value = String(Math.round(this.video.currentTime));
    this.tell(this.video.currentTime);
  }
}
