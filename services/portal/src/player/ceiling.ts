// The rendition that the night brought into the school's cache, or that the school is promised of a live class. What is higher was not
// fetched, or not counted, and would cross the school's link in class.

import type Hls from "hls.js";
import type { HlsConfig, Level } from "hls.js";

type Controller = HlsConfig["capLevelController"];

/** Which of ``levels`` is of ``rendition``, by the folder of its playlist; -1: none. */
const indexOf = (levels: readonly Level[], rendition: string | null): number =>
  rendition ? levels.findIndex((level) => level.url.some((url) => new URL(url).pathname.split("/").slice(-2)[0] === rendition)) : -1;

/** By the size of the picture, as hls.js has it, and by ``rendition``: whenever the size changes, hls.js sets its own cap over any other.
 * ``made`` is handed what sets the cap for another rendition; what is buffered stays. */
export function ceiling(library: typeof Hls, rendition: () => string | null, made: (set: () => void) => void): Controller {
  const { capLevelController: BySize } = library.DefaultConfig;
  if (!BySize) return undefined;
  return class extends BySize {
    constructor(private readonly player: Hls) {
      super(player);
      made(() => {
        const { levels } = player;
        player.autoLevelCapping = this.mediaWidth > 0 ? this.getMaxLevel(levels.length - 1) : indexOf(levels, rendition()); // not on the page yet: no size
      });
    }

    override getMaxLevel(most: number): number {
      const level = indexOf(this.player.levels, rendition());
      return super.getMaxLevel(level < 0 ? most : Math.min(most, level));
    }
  };
}
