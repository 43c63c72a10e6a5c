// One lesson in hls.js: opening it, trying again with growing pauses, and telling when there is no way on.

import type Hls from "hls.js";
import type { CuesParsedData, ErrorData, HlsConfig } from "hls.js";
import { askToPlay, inWords, PERMISSION, soon, wayBy, type Way, type Ways } from "../access";
import { leave, rests } from "../cache";
import { texts } from "../texts";
import { ceiling } from "./ceiling";
import type { Notices } from "./notices";
import { soundLoader } from "./sound";
import { play } from "./timeline";

const FIRST_GUESS = 1_500_000; // bit/s before anything is measured: a twelfth of a 20 Mbit/s school link
const PAUSES = { before: [1, 2, 4], after: [1, 2, 4, 8, 15, 30, 30, 30] }; // s between tries, before and after something has played
const MINUTE = 60_000;
const CARE = 30_000; // ms: a decoder that fails twice in this time fails for good

export interface Hooks {
  parsed: (hls: Hls) => void;
  captions: (hls: Hls) => void;
  cues: (found: CuesParsedData) => void;
  switched: (hls: Hls, level: number) => void;
  sound: (there: boolean) => void;
  /** Whether what cannot be fetched is over anyway, and has been told so. */
  over: () => Promise<boolean>;
  /** Where it comes from, and by which permission; told again when there is a new one. */
  from: (way: Way | null) => void;
}

export interface Source extends Ways {
  lesson: string;
  master: string;
  live: boolean;
}

export class Session {
  hls: Hls | null = null;
  soundOnly = false;
  /** When the next try is due, in ms; null while nothing is broken. */
  due: number | null = null;
  /** Whether the last thing that was fetched failed. */
  hurt = false;
  private tries = 0;
  private played = false;
  private asked = 0;
  private recovered = 0;
  private timer = 0;
  private returning = false;
  private setCeiling: () => void = () => undefined;

  constructor(private readonly library: typeof Hls, private readonly video: HTMLVideoElement, private source: Source,
    private readonly notices: Notices, private readonly hooks: Hooks) {}

  private settings(at: number): Partial<HlsConfig> {
    const { default: fragments } = this.library.DefaultConfig.fragLoadPolicy;
    return {
      enableWorker: false, // so no blob: script is needed, and the page's policy can forbid them
      renderTextTracksNatively: false, // captions.ts draws them
      startPosition: at, maxBufferLength: 30, backBufferLength: 30, capLevelToPlayerSize: true, abrEwmaDefaultEstimate: FIRST_GUESS,
      capLevelController: ceiling(this.library, () => this.source.way?.rendition ?? null, (set) => { this.setCeiling = set; }),
      liveDurationInfinity: true, // the slider then reaches as far back as the playlist, and no further
      fragLoadPolicy: { default: { ...fragments, errorRetry: { maxNumRetry: 2, retryDelayMs: 1000, maxRetryDelayMs: 4000 } } }, // further tries are ours, in words
      pLoader: soundLoader(this.library, this.soundOnly, this.hooks.sound),
      xhrSetup: (request, url) => this.lead(request, url),
    };
  }

  /** Fetch by the way of this moment whatever hls.js has in mind: its playlists came by the way of theirs. */
  private lead(request: XMLHttpRequest, url: string): void {
    const { way } = this.source;
    const { pathname, search } = new URL(url, location.href);
    request.open("GET", `${way?.cache.origin ?? location.origin}${pathname}${search}`, true); // hls.js opens what is not open yet, and headers come after that
    if (way) request.setRequestHeader(PERMISSION, way.token);
  }

  /** Go on by ``way``; what is buffered stays, so nobody sees it happen. */
  private goBy(way: Way | null): void {
    this.source = { ...this.source, way };
    this.hooks.from(way);
    this.setCeiling();
  }

  /** Back to the cache of the viewer's school, once that has been left alone long enough and gives the lesson again. */
  async goHome(): Promise<void> {
    const { home, way, lesson, master } = this.source;
    const { hls } = this;
    if (!home || way || !hls || this.returning || rests()) return;
    this.returning = true;
    const found = await wayBy(home, lesson, master);
    this.returning = false;
    if (!found) return leave();
    if (hls === this.hls) this.goBy(found);
  }

  /** Open the lesson at ``at`` seconds; -1 is its start, or the live edge. */
  open(at = -1, start = false): void {
    this.close();
    const events = this.library.Events;
    const hls = new this.library(this.settings(at));
    this.hls = hls;
    hls.on(events.MANIFEST_PARSED, () => {
      this.setCeiling();
      this.hooks.parsed(hls);
      if (start) play(this.video);
    });
    hls.on(events.SUBTITLE_TRACKS_UPDATED, () => this.hooks.captions(hls));
    hls.on(events.CUES_PARSED, (_event, data) => this.hooks.cues(data));
    hls.on(events.LEVEL_SWITCHED, (_event, { level }) => this.hooks.switched(hls, level));
    hls.on(events.FRAG_BUFFERED, () => {
      this.played = true;
      this.tries = 0;
      this.hurt = false;
    });
    hls.on(events.ERROR, (_event, data) => {
      if (data.type === this.library.ErrorTypes.NETWORK_ERROR) this.hurt = true;
      if (data.fatal) void this.failed(hls, data);
    });
    this.hooks.from(this.source.way);
    hls.loadSource(this.source.master);
    hls.attachMedia(this.video);
  }

  /** The same lesson from where it is, with or without its picture. */
  reopen(soundOnly: boolean): void {
    this.soundOnly = soundOnly;
    this.open(this.source.live ? -1 : this.video.currentTime, !this.video.paused);
  }

  private async failed(hls: Hls, data: ErrorData): Promise<void> {
    const code = data.response?.code;
    const network = data.type === this.library.ErrorTypes.NETWORK_ERROR;
    if (data.type === this.library.ErrorTypes.MEDIA_ERROR && Date.now() - this.recovered > CARE) {
      this.recovered = Date.now();
      return hls.recoverMediaError();
    }
    // The permission has run out: ask for another, and say why when there is none. Once a minute: a cache that keeps refusing is a fault.
    if (code === 403 && Date.now() - this.asked > MINUTE) {
      this.asked = Date.now();
      const permission = await askToPlay(this.source.lesson, this.source.way?.cache ?? null);
      if (hls !== this.hls) return;
      if ("reason" in permission) return this.stop(inWords(permission.words), permission.reason);
      this.goBy(permission.way);
      return this.again();
    }
    const over = this.hooks.over(); // asked beside the other question: both go to the city, and the cache may be back before either is answered
    if (network && this.source.way && (await this.fromCity(hls))) return;
    if ((await over) || hls !== this.hls) return;
    const pause = PAUSES[this.played ? "after" : "before"][this.tries];
    if (!network || pause === undefined) return this.stop(network ? texts().network : texts().media, [data.details, code].filter(Boolean).join(" "));
    this.tries += 1;
    this.due = Date.now() + 1000 * pause;
    this.timer = window.setTimeout(() => this.again(), 1000 * pause);
  }

  /** The school's cache cannot give it now: on from the city, if that gives a permission. Whether it went on. */
  private async fromCity(hls: Hls): Promise<boolean> {
    const permission = await askToPlay(this.source.lesson, null, { signal: soon() });
    if (hls !== this.hls) return true;
    if ("reason" in permission) return false;
    leave();
    hls.bandwidthEstimate = FIRST_GUESS; // what the building bears says nothing of the link, on which all rooms arrive at once
    this.goBy(null);
    this.again();
    return true;
  }

  /** Try again now, keeping what is buffered. */
  again(): void {
    window.clearTimeout(this.timer);
    this.due = null;
    if (this.hls?.levels.length) this.hls.startLoad();
    else this.hls?.loadSource(this.source.master);
  }

  private stop(reason: string, detail: string): void {
    const at = this.source.live || !this.played ? -1 : this.video.currentTime;
    this.close();
    this.video.pause();
    this.notices.fail(reason, detail, () => {
      this.tries = 0;
      this.open(at, this.played);
    });
  }

  /** Ask for nothing more; what is buffered stays. */
  rest(): void {
    window.clearTimeout(this.timer);
    this.due = null;
    this.hls?.stopLoad();
    this.video.pause();
  }

  close(): void {
    window.clearTimeout(this.timer);
    this.due = null;
    this.hurt = false;
    this.hls?.destroy();
    this.hls = null;
  }
}
