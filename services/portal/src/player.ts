// The player: hls.js on a plain <video>, with what it is doing in words, and an honest error when it cannot.

import type Hls from "hls.js";
import type { ErrorData, Level } from "hls.js";
import { askToPlay, inWords } from "./access";
import { h } from "./dom";
import type { Lesson } from "./lessons";
import { texts } from "./texts";

export interface Player {
  element: HTMLElement;
  destroy: () => void;
}

const STEP = 5; // seconds per arrow key
const FIRST_GUESS = 1_500_000; // bit/s before anything is measured: a twelfth of a 20 Mbit/s school link
const name = (level: Level): string => `${level.height}p · ${Math.round(level.bitrate / 1000)} kbit/s`;

function bufferedAhead(video: HTMLVideoElement): number {
  for (let at = 0; at < video.buffered.length; at += 1) {
    if (video.buffered.start(at) <= video.currentTime + 0.1 && video.currentTime <= video.buffered.end(at)) {
      return video.buffered.end(at) - video.currentTime;
    }
  }
  return 0;
}

function onKey(video: HTMLVideoElement, event: KeyboardEvent): void {
  const inControl = event.target instanceof HTMLSelectElement || event.target instanceof HTMLButtonElement;
  if (inControl || event.ctrlKey || event.altKey || event.metaKey) return;
  const actions: Record<string, () => void> = {
    " ": () => void (video.paused ? video.play().catch(() => undefined) : video.pause()),
    ArrowLeft: () => { video.currentTime = Math.max(0, video.currentTime - STEP); },
    ArrowRight: () => { video.currentTime = Math.min(video.duration || 0, video.currentTime + STEP); },
    m: () => { video.muted = !video.muted; },
    f: () => void (document.fullscreenElement ? document.exitFullscreen() : video.requestFullscreen()),
  };
  const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!action) return;
  event.preventDefault();
  event.stopPropagation(); // the video's own controls would act a second time
  action();
}

class View {
  readonly video = h("video", { controls: true, playsinline: true, preload: "auto", tabindex: 0, "aria-label": texts().player });
  readonly rendition = h("dd", { id: "rendition" }, "–");
  readonly buffer = h("dd", { id: "buffer" }, "–");
  readonly quality = h("select", { id: "quality" }, h("option", { value: -1 }, texts().auto));
  readonly problem = h("div", { class: "problem", role: "alert", hidden: true });
  readonly element: HTMLElement;

  constructor(lesson: Lesson) {
    const t = texts();
    if (lesson.poster) this.video.poster = lesson.poster;
    this.element = h("section", { class: "player", "aria-label": t.player },
      h("div", { class: "screen" }, this.video, this.problem),
      h("div", { class: "bar", role: "group", "aria-label": t.state },
        h("dl", {}, h("div", {}, h("dt", {}, t.playing), this.rendition), h("div", {}, h("dt", {}, t.buffered), this.buffer)),
        h("label", { for: "quality" }, t.quality, " ", this.quality),
      ),
      h("p", { class: "keys" }, t.keys),
    );
  }

  fail(reason: string, detail: string, again: () => void): void {
    const button = h("button", { type: "button" }, texts().again);
    button.addEventListener("click", again);
    this.problem.replaceChildren(h("h2", {}, texts().failed), h("p", {}, reason), h("p", { class: "detail" }, `${texts().detail}: ${detail}`), button);
    this.problem.hidden = false;
    this.video.pause();
  }

  measure(): void {
    this.buffer.textContent = `${bufferedAhead(this.video).toFixed(0)} ${texts().seconds}`;
    this.buffer.dataset["seconds"] = bufferedAhead(this.video).toFixed(1);
  }
}

function withHls(view: View, lesson: Lesson, Library: typeof Hls): () => void {
  // Without the worker no blob: script is needed, so the page's policy can forbid them.
  const hls = new Library({ enableWorker: false, maxBufferLength: 30, backBufferLength: 30, capLevelToPlayerSize: true, abrEwmaDefaultEstimate: FIRST_GUESS });
  let recovered = false;
  let asked = 0;
  hls.on(Library.Events.MANIFEST_PARSED, () => {
    hls.levels.forEach((level, at) => view.quality.append(h("option", { value: at }, name(level))));
  });
  hls.on(Library.Events.LEVEL_SWITCHED, (_event, data) => {
    const level = hls.levels[data.level];
    if (!level) return;
    view.rendition.textContent = name(level);
    view.rendition.dataset["height"] = String(level.height);
  });
  hls.on(Library.Events.ERROR, (_event, data: ErrorData) => {
    if (!data.fatal) return;
    if (data.type === Library.ErrorTypes.MEDIA_ERROR && !recovered) {
      recovered = true;
      hls.recoverMediaError();
      return;
    }
    // The permission has run out: ask for another, and say why when there is none. Once a minute: a cache that keeps refusing is a fault.
    if (data.response?.code === 403 && Date.now() - asked > 60_000) {
      asked = Date.now();
      void askToPlay(lesson.id).then((permission) => {
        if ("master" in permission) return hls.startLoad();
        view.fail(inWords(permission.words), permission.reason, () => location.reload());
        hls.destroy();
      });
      return;
    }
    const reason = data.type === Library.ErrorTypes.NETWORK_ERROR ? texts().network : texts().media;
    view.fail(reason, [data.details, data.response?.code].filter(Boolean).join(" "), () => location.reload());
    hls.destroy();
  });
  view.quality.addEventListener("change", () => { hls.nextLevel = Number(view.quality.value); });
  hls.loadSource(lesson.master);
  hls.attachMedia(view.video);
  return () => hls.destroy();
}

function natively(view: View, lesson: Lesson): () => void {
  view.quality.disabled = true;
  view.video.addEventListener("error", () => view.fail(texts().network, `MediaError ${view.video.error?.code ?? "?"}`, () => location.reload()));
  view.video.src = lesson.master;
  return () => { view.video.removeAttribute("src"); view.video.load(); };
}

/** A player for one lesson; call `destroy` when it leaves the page. */
export async function openPlayer(lesson: Lesson): Promise<Player> {
  const view = new View(lesson);
  const { default: Library } = await import("hls.js"); // the list of lessons does not need it
  let stop = (): void => undefined;
  if (Library.isSupported()) stop = withHls(view, lesson, Library);
  else if (view.video.canPlayType("application/vnd.apple.mpegurl")) stop = natively(view, lesson);
  else view.fail(texts().unsupported, navigator.userAgent, () => location.reload());
  const listener = (event: KeyboardEvent): void => onKey(view.video, event);
  document.addEventListener("keydown", listener, true);
  const timer = window.setInterval(() => view.measure(), 500);
  return {
    element: view.element,
    destroy: () => { window.clearInterval(timer); document.removeEventListener("keydown", listener, true); stop(); },
  };
}
