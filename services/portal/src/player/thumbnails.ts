// Small pictures for seeking: a WebVTT file whose cues name a picture, or a part of one (`sheet.jpg#xywh=0,0,160,90`).

import { fetchBy, type Way } from "../access";

interface Cue {
  from: number;
  to: number;
  picture: string;
  part: [number, number, number, number] | null;
}

const TIMES = /^((?:\d+:)?\d+:\d+\.\d+)\s+-->\s+((?:\d+:)?\d+:\d+\.\d+)/;
const seconds = (clock: string): number => clock.split(":").reduce((sum, part) => 60 * sum + Number(part), 0);

/** The picture that a cue names, if it lies in the same lesson as its file. */
function picture(name: string, file: string): Pick<Cue, "picture" | "part"> | null {
  const base = new URL(file, location.href);
  const found = new URL(name, base);
  const lesson = base.pathname.split("/").slice(0, 3).join("/");
  if (found.origin !== location.origin || !found.pathname.startsWith(`${lesson}/`)) return null;
  const numbers = /^#xywh=(\d+),(\d+),(\d+),(\d+)$/.exec(found.hash)?.slice(1).map(Number);
  return { picture: found.pathname, part: numbers ? (numbers as [number, number, number, number]) : null };
}

function parse(text: string, file: string): Cue[] {
  const lines = text.split(/\r?\n/);
  return lines.flatMap((line, at) => {
    const times = TIMES.exec(line);
    const shown = times ? picture(lines[at + 1]?.trim() ?? "", file) : null;
    return times?.[1] && times[2] && shown ? [{ from: seconds(times[1]), to: seconds(times[2]), ...shown }] : [];
  });
}

/** Shows in ``frame`` what the lesson looks like at a second. Its file is asked for at the first look, a sheet at the first look at a part of it. */
export class Thumbnails {
  private way: Way | null = null;
  private cues: Cue[] | null = null;
  private wanted = 0;
  private readonly asked = new Set<string>();
  /** Addresses of sheets that are here, by their paths. An address of the cache would not do: no picture of a page shows a permission. */
  private readonly sheets = new Map<string, string>();
  private under = new AbortController();

  constructor(private readonly file: string, private readonly frame: HTMLElement) {}

  /** Fetch by this way from now on, also what could not be had by the last one. */
  by(way: Way | null): void {
    this.under.abort();
    this.under = new AbortController();
    this.asked.clear();
    this.way = way;
  }

  show(at: number): void {
    this.wanted = at;
    if (!this.cues) this.ask(this.file, async (answer) => { this.cues = parse(await answer.text(), this.file); });
    this.draw();
  }

  /** Give everything up. */
  close(): void {
    this.under.abort();
    this.sheets.forEach((url) => URL.revokeObjectURL(url));
    this.sheets.clear();
  }

  private draw(): void {
    const cue = this.cues?.find((each) => each.from <= this.wanted && this.wanted < each.to);
    const sheet = cue?.part ? this.sheets.get(cue.picture) : undefined;
    this.frame.hidden = !sheet;
    if (!cue?.part) return;
    if (!sheet) return this.ask(cue.picture, async (answer) => { this.sheets.set(cue.picture, URL.createObjectURL(await answer.blob())); });
    const [x, y, width, height] = cue.part;
    // Set by script, one by one: the page's policy forbids inline styles, and no text of the file becomes CSS.
    this.frame.style.width = `${width}px`;
    this.frame.style.height = `${height}px`;
    this.frame.style.backgroundImage = `url("${sheet}")`;
    this.frame.style.backgroundPosition = `-${x}px -${y}px`;
  }

  /** Fetch something once by each way; without it there is no picture, and nothing else is missing. */
  private ask(path: string, take: (answer: Response) => Promise<void>): void {
    if (this.asked.has(path)) return;
    this.asked.add(path);
    void fetchBy(this.way, path, { signal: this.under.signal }).then(async (answer) => {
      if (!answer.ok) return;
      await take(answer);
      this.draw();
    }).catch(() => undefined);
  }
}
