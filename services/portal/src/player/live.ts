// A lesson that is being broadcast: how far behind the classroom we are, and what becomes of it when the broadcast ends or breaks off.

import type { LevelDetails } from "hls.js";
import { soon } from "../access";
import { fetchRecord, now, type Lesson } from "../lessons";
import { texts } from "../texts";
import { h } from "../dom";
import { worded } from "./button";
import { icon } from "./icons";
import type { Notices } from "./notices";
import type { Session } from "./session";
import { words } from "./texts";
import { play } from "./timeline";

const ASK = 10_000; // ms between two looks at the record; it is kept in caches as long anyway
const BEHIND = { segments: 2, least: 5 }; // so many lengths of a segment, and seconds, further back than need be is behind; less is a stall that was waited out
const READ = { segments: 4, least: 4 }; // a live playlist is read again within so many lengths of a segment, and seconds
const SILENT = { segments: 4, least: 5 }; // without a new segment for so many lengths of one, and seconds, the classroom is silent
const NEAR = 2; // s before the end of a playlist at which there is nothing more to see
const GONE = { segments: 20, least: 30 }; // and for so many the broadcast has broken off

export class LiveWatch {
  readonly badge = h("p", { class: "badge", id: "live", "data-state": "live" }, h("span", { class: "dot", "aria-hidden": "true" }), h("span", {}, words().live));
  readonly back = h("button", { type: "button", id: "to-live", hidden: true }, icon("edge"), " ", words().toLive);
  readonly latency = h("dd", { id: "latency" }, "–");
  /** Whether the classroom sends nothing new although its playlist can be read. */
  silent = false;
  over = false;
  private gone = false;
  private asked = 0;
  private timer = 0;
  private record: Lesson | null = null;
  private last = { segment: -1, at: performance.now() };
  private read: { details: LevelDetails | null; at: number } = { details: null, at: 0 };

  constructor(private readonly video: HTMLVideoElement, private readonly session: Session, private readonly notices: Notices,
    private readonly lesson: Lesson, private readonly openRecording: () => void) {
    this.back.addEventListener("click", () => this.toLive());
    video.addEventListener("ended", () => this.finish(null));
    video.addEventListener("seeking", () => {
      if (!this.over) return;
      notices.over.hidden = true;
      session.again(); // it may have been told to rest
    });
  }

  toLive(): void {
    const edge = this.session.hls?.liveSyncPosition;
    if (this.over || typeof edge !== "number") return;
    this.video.currentTime = edge;
    this.video.playbackRate = 1;
    play(this.video);
  }

  /** Seconds since what is shown was in the classroom: by the times in the playlist, else by the distance to its end. */
  private delay(): number | null {
    const { hls } = this.session;
    if (!hls?.latestLevelDetails) return null;
    const shown = hls.playingDate?.getTime();
    const seconds = shown ? (now() - shown) / 1000 : hls.latency;
    return seconds > 0 ? seconds : hls.latency;
  }

  private behind(): boolean {
    const { hls } = this.session;
    const segment = hls?.latestLevelDetails?.targetduration ?? 0;
    return Boolean(hls?.targetLatency) && (hls?.latency ?? 0) > (hls?.targetLatency ?? 0) + Math.max(BEHIND.least, BEHIND.segments * segment);
  }

  private sign(state: "live" | "behind" | "lost" | "over"): void {
    if (this.badge.dataset["state"] === state) return;
    this.badge.dataset["state"] = state;
    (this.badge.lastChild as HTMLElement).textContent = words()[state];
  }

  /** Look at how things stand; called twice a second. */
  measure(): void {
    const details = this.session.hls?.latestLevelDetails;
    if (this.over || !details) return;
    this.listen(details);
    const [delay, behind] = [this.delay(), this.behind()];
    this.latency.textContent = delay === null ? "–" : `${delay.toFixed(0)} ${texts().seconds}`;
    this.latency.dataset["seconds"] = delay === null ? "" : delay.toFixed(1);
    this.sign(!details.live ? "over" : this.silent || this.gone || this.session.due !== null ? "lost" : behind ? "behind" : "live");
    this.back.hidden = !behind || !details.live;
    if (!behind && this.video.playbackRate > 1) this.video.playbackRate = 1; // there is nothing to run ahead to
  }

  /** Whether the classroom still sends. A playlist that cannot be read says nothing of it: only one that was just read and had nothing new. */
  private listen(details: LevelDetails): void {
    const [at, { endSN: segment, targetduration: length, live }] = [performance.now(), details];
    if (details !== this.read.details) this.read = { details, at };
    const unread = (at - this.read.at) / 1000 > Math.max(READ.least, READ.segments * length);
    if (segment !== this.last.segment || unread || !live) this.last = { segment, at };
    const reached = details.edge - this.video.currentTime < NEAR; // who is behind has something to see yet
    const quiet = reached ? (at - this.last.at) / 1000 : 0;
    const gone = quiet > Math.max(GONE.least, GONE.segments * length);
    this.silent = !gone && quiet > Math.max(SILENT.least, SILENT.segments * length);
    if (this.silent || gone) void this.ended();
    if (gone && !this.gone) this.notices.finish(words().gone, words().goneHint, worded(texts().again, () => this.openRecording()));
    if (!gone && this.gone) this.notices.over.hidden = true;
    this.gone = gone;
  }

  /** Ask the record, now and then, whether the broadcast has ended; says so when it has. */
  async ended(): Promise<boolean> {
    if (this.over || performance.now() - this.asked < ASK) return this.over;
    this.asked = performance.now();
    const record = await fetchRecord(this.lesson.id, { signal: soon() });
    if (record && !record.live?.going) this.finish(record);
    return this.over;
  }

  /** Say that it is over, with the recording if there is one; else look for it as long as the page is open and one may come. */
  private finish(record: Lesson | null): void {
    this.over = true;
    this.record = record ?? this.record;
    this.silent = false;
    this.sign("over");
    this.back.hidden = true;
    this.latency.textContent = "–";
    this.latency.dataset["seconds"] = "";
    if (this.session.hls?.latestLevelDetails?.live !== false) this.session.rest(); // one that ended properly can still be looked through
    const t = words();
    if (this.record?.recorded) return this.notices.finish(t.ended, t.endedRecording, worded(t.watchRecording, () => this.openRecording(), { id: "recording" }));
    window.clearTimeout(this.timer);
    const { live } = this.record ?? this.lesson;
    if (!live?.recorded) return this.notices.finish(t.ended, null);
    if (live.overdue) return this.notices.finish(t.ended, t.endedNever);
    this.notices.finish(t.ended, t.endedWait);
    this.timer = window.setTimeout(() => {
      if (this.badge.isConnected) void fetchRecord(this.lesson.id).then((found) => this.finish(found?.live?.going ? null : found));
    }, ASK);
  }
}
