// The player: hls.js on a plain <video>, with what it is doing in words, and an honest error when it cannot.

import { askToPlay, type Ways } from "../access";
import type { Lesson } from "../lessons";
import { texts } from "../texts";
import { listen } from "./keyboard";
import { LiveWatch } from "./live";
import { Session } from "./session";
import { words } from "./texts";
import { bufferedTo, moveTo, reach, toggle } from "./timeline";
import { View } from "./view";

/** A second of what has this master playlist: a broadcast and its recording are not at the same one. */
export interface Place {
  master: string;
  at: number;
}

export interface Player {
  element: HTMLElement;
  /** Where it is, for opening it there again. */
  place: () => Place;
  destroy: () => void;
}

/** Where to begin, whether to play at once, and what to do when there is something else to play. */
export interface Wish {
  from: Place;
  start: boolean;
  reopen: () => void;
}

const STEP = 5; // seconds per arrow key
const LOUDER = 0.1;
const PATIENCE = 4; // looks, twice a second, before a picture that stands still is called waiting

class Watch {
  private still = 0;

  constructor(private readonly view: View, private readonly session: Session, private readonly live: LiveWatch | null) {}

  /** Say what is wrong, if anything is; the worst first. */
  private say(): void {
    const { video, notices } = this.view;
    const waits = !video.paused && !video.ended && video.readyState < 3;
    this.still = waits ? this.still + 1 : 0;
    const stalled = this.still >= PATIENCE && notices.over.hidden;
    if (this.session.due !== null) {
      notices.say(words().broken, () => this.session.again());
      notices.countdown((this.session.due - Date.now()) / 1000);
    } else if (this.live?.silent) notices.say(words().silent);
    else if (stalled) notices.say(this.session.hurt ? words().broken : words().waiting);
    else if (!this.session.hurt || video.readyState >= 3) notices.say("");
  }

  measure(): void {
    const { video, buffer, seek, soundSign } = this.view;
    const ahead = bufferedTo(video) - video.currentTime;
    buffer.textContent = `${ahead.toFixed(0)} ${texts().seconds}`;
    buffer.dataset["seconds"] = ahead.toFixed(1);
    soundSign.hidden = !this.session.soundOnly;
    seek.frugal = this.session.soundOnly;
    this.live?.measure();
    void this.session.goHome();
    seek.live = this.live !== null && !this.live.over;
    seek.measure();
    this.say();
  }
}

function actions({ video, controls, captions, help }: View, live: LiveWatch | null): Record<string, () => void> {
  const end = (): void => (live ? live.toLive() : moveTo(video, reach(video).to));
  return {
    " ": () => toggle(video), k: () => toggle(video),
    ArrowLeft: () => moveTo(video, video.currentTime - STEP), ArrowRight: () => moveTo(video, video.currentTime + STEP),
    ArrowUp: () => controls.louder(LOUDER), ArrowDown: () => controls.louder(-LOUDER),
    Home: () => moveTo(video, reach(video).from), End: end, l: () => live?.toLive(),
    m: () => controls.toggleMute(), f: () => controls.toggleFull(), c: () => captions.toggle(),
    "<": () => controls.faster(-1), ">": () => controls.faster(1), "?": () => help.showModal(),
  };
}

function natively(view: View, master: string): () => void {
  const { video, notices } = view;
  view.plain();
  video.addEventListener("error", () => notices.fail(texts().network, `MediaError ${video.error?.code ?? "?"}`, () => location.reload()));
  video.src = master;
  return () => { video.removeAttribute("src"); video.load(); };
}

/** A player for one lesson, which plays ``lesson.master`` by one of its ``ways``; call `destroy` when it leaves the page. */
export async function openPlayer(lesson: Lesson, ways: Ways, wish: Wish): Promise<Player> {
  const view = new View(lesson);
  const { default: Library } = await import("hls.js"); // the list of lessons does not need it
  const [going, { master }] = [lesson.live?.going ?? false, lesson];
  const parts: (() => void)[] = [];
  if (Library.isSupported()) {
    const hooks = {
      parsed: view.quality.offer.bind(view.quality), captions: view.captions.offer.bind(view.captions), cues: view.captions.take.bind(view.captions),
      switched: view.quality.show.bind(view.quality), sound: view.quality.offerSound.bind(view.quality),
      over: async () => (await live?.ended()) ?? false, from: view.from.bind(view),
    };
    const session: Session = new Session(Library, view.video, { lesson: lesson.id, master, live: going, ...ways }, view.notices, hooks);
    const live: LiveWatch | null = going ? new LiveWatch(view.video, session, view.notices, lesson, wish.reopen) : null;
    view.quality.session = session;
    if (live) view.addLive(live.badge, live.back, live.latency);
    const watch = new Watch(view, session, live);
    const timer = window.setInterval(() => watch.measure(), 500);
    const full = (): void => view.controls.show();
    document.addEventListener("fullscreenchange", full);
    parts.push(listen(actions(view, live)), () => window.clearInterval(timer), () => document.removeEventListener("fullscreenchange", full), () => session.close(), () => view.seek.pictures?.close());
    session.open(going || wish.from.master !== master ? -1 : wish.from.at, going || wish.start);
  } else if (view.video.canPlayType("application/vnd.apple.mpegurl")) {
    if (ways.way) await askToPlay(lesson.id, null); // a browser's own player shows cookies and nothing else, and the city's door takes one
    parts.push(natively(view, master));
  } else view.notices.fail(texts().unsupported, navigator.userAgent, () => location.reload());
  return { element: view.element, place: () => ({ master, at: view.video.currentTime }), destroy: () => parts.forEach((part) => part()) };
}
