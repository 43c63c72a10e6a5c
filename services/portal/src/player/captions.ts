// Captions: those of the master playlist, on unless the viewer switched them off, in the viewer's language where there is one.

import type Hls from "hls.js";
import type { CuesParsedData } from "hls.js";
import { h } from "../dom";
import { language } from "../texts";
import { signed } from "./button";
import { recall, remember } from "./memory";
import { words } from "./texts";

const ON = "captions";
const LANGUAGE = "captions-language";

/** Whether two languages are the same but for their region or script: `zh` and `zh-Hans-CN`. */
const alike = (one: string, other: string): boolean => one.toLowerCase().split("-")[0] === other.toLowerCase().split("-")[0];

/** The text of a cue, without its marks for speakers and styles. */
const plain = (cue: TextTrackCue): string => (cue as VTTCue).getCueAsHTML().textContent?.trim() ?? "";

export class Captions {
  readonly button = signed("captions", words().captions, "captions", () => this.toggle());
  readonly select = h("select", { id: "caption-language" });
  readonly choice = h("label", { for: "caption-language", class: "choice", hidden: true }, words().captionLanguage, " ", this.select);
  // Not a live region: who cannot see it hears the lesson.
  readonly shown = h("p", { class: "caption", id: "caption", hidden: true });
  private readonly kept = new Map<string, TextTrack>();
  private readonly known = new Set<string>();
  private hls: Hls | null = null;

  constructor(private readonly video: HTMLVideoElement) {
    this.button.setAttribute("aria-pressed", "false");
    this.button.hidden = true;
    this.select.addEventListener("change", () => {
      remember(LANGUAGE, this.select.value);
      this.apply();
    });
    // A phone's own full screen shows the video and nothing of the page: there the browser has to draw them.
    for (const [event, mode] of [["webkitbeginfullscreen", "showing"], ["webkitendfullscreen", "hidden"]] as const) {
      video.addEventListener(event, () => { if (this.on) this.track(this.select.value).mode = mode; });
    }
  }

  private get on(): boolean {
    return recall(ON) !== "off";
  }

  private get tracks(): { lang: string; name: string }[] {
    return (this.hls?.subtitleTracks ?? []).map(({ lang, name }) => ({ lang: lang ?? name, name }));
  }

  /** The track in this very language, or else one alike: of `zh-Hans` and `zh-Hant` each can be chosen, and `zh` finds the first. */
  private nearest(wish: string): number {
    const exact = this.tracks.findIndex(({ lang }) => lang.toLowerCase() === wish.toLowerCase());
    return exact >= 0 ? exact : this.tracks.findIndex(({ lang }) => alike(lang, wish));
  }

  /** The track that this viewer would read. */
  private wanted(): number {
    const choices = [recall(LANGUAGE), language()].filter((each): each is string => each !== null);
    return choices.map((each) => this.nearest(each)).find((at) => at >= 0) ?? 0;
  }

  /** Take up the tracks of a playlist that was just read. */
  offer(hls: Hls): void {
    if (hls !== this.hls) this.forget();
    this.hls = hls;
    this.select.replaceChildren(...this.tracks.map(({ lang, name }) => h("option", { value: lang, lang }, name)));
    this.button.hidden = this.tracks.length === 0;
    queueMicrotask(() => this.apply()); // hls.js still makes its own choice after it has told of the tracks
  }

  /** A lesson that is opened anew counts its seconds anew. */
  private forget(): void {
    this.known.clear();
    for (const track of this.kept.values()) for (const cue of [...(track.cues ?? [])]) track.removeCue(cue);
  }

  /** The cues of a language. They are drawn here: hls.js would fetch an empty track from a `data:` address, which the page's policy forbids. */
  private track(lang: string): TextTrack {
    const there = this.kept.get(lang);
    if (there) return there;
    const made = this.video.addTextTrack("captions", lang, lang);
    made.mode = "hidden";
    made.addEventListener("cuechange", () => this.draw());
    this.kept.set(lang, made);
    return made;
  }

  /** Keep cues that came; after a jump some come again. */
  take({ cues, subtitleTrack }: CuesParsedData): void {
    const lang = subtitleTrack?.lang ?? subtitleTrack?.name ?? "";
    for (const cue of cues as VTTCue[]) {
      const key = [lang, cue.startTime, cue.endTime, cue.text].join("|");
      if (!this.known.has(key)) this.track(lang).addCue(cue);
      this.known.add(key);
    }
    this.draw();
  }

  private draw(): void {
    const lang = this.select.value;
    const cues = this.on && this.kept.has(lang) ? [...(this.track(lang).activeCues ?? [])] : [];
    const text = cues.map(plain).filter(Boolean).join("\n");
    this.shown.hidden = !text;
    this.shown.lang = lang;
    if (this.shown.textContent !== text) this.shown.textContent = text;
  }

  private apply(): void {
    if (!this.hls || !this.tracks.length) return;
    const at = this.wanted();
    this.hls.subtitleTrack = this.on ? at : -1;
    this.button.setAttribute("aria-pressed", String(this.on));
    this.choice.hidden = !this.on || this.tracks.length < 2;
    this.select.value = this.tracks[at]?.lang ?? "";
    this.draw();
  }

  toggle(): void {
    if (!this.tracks.length) return;
    remember(ON, this.on ? "off" : "on");
    this.apply();
  }
}
