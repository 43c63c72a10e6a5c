// The buttons that act on the video itself: play, sound, speed, full screen.

import { h } from "../dom";
import { label, signed } from "./button";
import { words } from "./texts";
import { play, toggle } from "./timeline";

const RATES = [0.5, 0.75, 1, 1.25, 1.5, 2];

interface OldVideo extends HTMLVideoElement {
  webkitEnterFullscreen?: () => void;
}

export class Controls {
  readonly begin = signed("begin", words().play, "play", () => play(this.video));
  readonly play = signed("play", words().play, "play", () => toggle(this.video));
  readonly mute = signed("mute", words().mute, "loud", () => this.toggleMute());
  readonly volume = h("input", { type: "range", id: "volume", min: 0, max: 1, step: 0.05, value: 1, "aria-label": words().volume });
  readonly rate = h("select", { id: "rate" }, ...RATES.map((each) => h("option", { value: each, selected: each === 1 }, `${each}×`)));
  readonly full = signed("full-screen", words().fullScreen, "full", () => this.toggleFull());

  constructor(private readonly video: HTMLVideoElement, private readonly whole: () => HTMLElement) {
    for (const event of ["play", "pause", "ended", "volumechange", "ratechange"]) video.addEventListener(event, () => this.show());
    video.addEventListener("click", () => toggle(video));
    this.volume.addEventListener("input", () => {
      video.volume = Number(this.volume.value);
      video.muted = video.volume === 0;
    });
    this.rate.addEventListener("change", () => { video.playbackRate = Number(this.rate.value); });
    this.show();
  }

  /** Make the buttons say what they would do now. */
  show(): void {
    const { video } = this;
    const t = words();
    const still = video.paused || video.ended;
    label(this.play, still ? t.play : t.pause, still ? "play" : "pause");
    label(this.mute, video.muted ? t.unmute : t.mute, video.muted ? "muted" : "loud");
    const full = document.fullscreenElement !== null;
    label(this.full, full ? t.leaveFullScreen : t.fullScreen, full ? "small" : "full");
    this.begin.hidden = !still || video.ended;
    this.volume.value = String(video.muted ? 0 : video.volume);
    this.rate.value = String(video.playbackRate);
  }

  toggleMute(): void {
    this.video.muted = !this.video.muted;
    if (!this.video.muted && this.video.volume === 0) this.video.volume = 0.5;
  }

  louder(by: number): void {
    this.video.volume = Math.min(1, Math.max(0, this.video.volume + by));
    this.video.muted = this.video.volume === 0;
  }

  faster(steps: number): void {
    const at = RATES.indexOf(this.video.playbackRate);
    this.video.playbackRate = RATES[Math.min(RATES.length - 1, Math.max(0, (at < 0 ? RATES.indexOf(1) : at) + steps))] ?? 1;
  }

  /** The whole player, so that captions, words and buttons stay; a phone that cannot do so shows the video alone. */
  toggleFull(): void {
    const old = this.video as OldVideo;
    if (document.fullscreenElement) void document.exitFullscreen();
    else if (this.whole().requestFullscreen) void this.whole().requestFullscreen().catch(() => undefined);
    else old.webkitEnterFullscreen?.();
  }
}
