// Which rendition: chosen by what the link bears, by hand, or no picture at all.

import type Hls from "hls.js";
import type { Level } from "hls.js";
import { h } from "../dom";
import { texts } from "../texts";
import type { Session } from "./session";
import { words } from "./texts";

const AUTO = "-1";
const SOUND = "sound";
const rate = (level: Level): string => `${Math.round(level.bitrate / 1000)} kbit/s`;

/** A rendition in a reader's words. */
export const name = (level: Level): string => (level.height ? `${level.height}p · ${rate(level)}` : `${words().soundOnly.split(/[ （]/)[0]} · ${rate(level)}`);

export class Quality {
  readonly choice = h("select", { id: "quality" }, h("option", { value: AUTO }, texts().auto));
  readonly rendition = h("dd", { id: "rendition" }, "–");
  private readonly sound = h("option", { value: SOUND }, words().soundOnly);
  session: Session | null = null;

  constructor() {
    this.choice.addEventListener("change", () => this.choose());
  }

  /** List what a playlist has, the best first; sound by itself stays the last. */
  offer(hls: Hls): void {
    if (this.session?.soundOnly) return;
    const chosen = this.choice.value;
    const found = hls.levels.map((level, at) => h("option", { value: at }, name(level))).reverse();
    this.choice.replaceChildren(h("option", { value: AUTO }, texts().auto), ...found, ...(this.sound.isConnected ? [this.sound] : []));
    this.choice.value = chosen;
    if (this.choice.selectedIndex < 0) this.choice.value = AUTO;
    if (Number(this.choice.value) >= 0) hls.nextLevel = Number(this.choice.value);
  }

  /** Whether there is sound by itself. */
  offerSound(there: boolean): void {
    if (there) this.choice.append(this.sound);
    else if (!this.session?.soundOnly) this.sound.remove();
  }

  private choose(): void {
    const sound = this.choice.value === SOUND;
    if (!this.session) return;
    if (sound !== this.session.soundOnly) this.session.reopen(sound);
    else if (this.session.hls) this.session.hls.nextLevel = Number(this.choice.value);
  }

  show(hls: Hls, at: number): void {
    const level = hls.levels[at];
    if (!level) return;
    this.rendition.textContent = name(level);
    this.rendition.dataset["height"] = String(level.height ?? 0);
  }
}
