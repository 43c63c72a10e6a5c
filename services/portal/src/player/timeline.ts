// Where in the lesson we are: the stretch that can be reached, what is buffered, and moving about in it.

export interface Stretch {
  from: number;
  to: number;
}

/** Seconds at both ends of a live playlist that are left alone: its start is about to go, and its sound may begin a little later than
 * its picture, for which hls.js waits in vain; at its very end there is nothing to play yet. */
const EDGES = { start: 1, end: 3 };
const live = (video: HTMLVideoElement): boolean => video.duration === Infinity;

/** What can be reached by seeking: the whole recording, or as far back as a live playlist goes. */
export function reach(video: HTMLVideoElement): Stretch {
  const { seekable } = video;
  if (!seekable.length) return { from: 0, to: 0 };
  const [from, to] = [seekable.start(0), seekable.end(seekable.length - 1)];
  return { from: live(video) ? Math.min(from + EDGES.start, to) : from, to };
}

/** Where the buffer that plays now ends; the position itself where nothing is buffered. */
export function bufferedTo(video: HTMLVideoElement): number {
  for (let at = 0; at < video.buffered.length; at += 1) {
    if (video.buffered.start(at) <= video.currentTime + 0.1 && video.currentTime <= video.buffered.end(at)) return video.buffered.end(at);
  }
  return video.currentTime;
}

/** Move to ``seconds``, as far as that can be reached. */
export function moveTo(video: HTMLVideoElement, seconds: number): void {
  const { from, to } = reach(video);
  video.currentTime = Math.max(from, Math.min(seconds, live(video) ? to - EDGES.end : to));
}

/** Play; what forbids it is seen in the button that stays. */
export const play = (video: HTMLVideoElement): void => void video.play().catch(() => undefined);

export const toggle = (video: HTMLVideoElement): void => (video.paused ? play(video) : video.pause());
