// Small pictures for seeking: a WebVTT file whose cues name a picture, or a part of one (`sheet.jpg#xywh=0,0,160,90`).

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

/** Shows in ``frame`` what the lesson looks like at a second; the file is asked for at the first look, and once. */
export function thumbnails(file: string, frame: HTMLElement): (at: number) => void {
  let cues: Cue[] | null = null;
  let wanted = 0;
  function draw(): void {
    const cue = cues?.find((each) => each.from <= wanted && wanted < each.to);
    frame.hidden = !cue?.part;
    if (!cue?.part) return;
    const [x, y, width, height] = cue.part;
    // Set by script, one by one: the page's policy forbids inline styles, and no text of the file becomes CSS but a path of our own.
    frame.style.width = `${width}px`;
    frame.style.height = `${height}px`;
    frame.style.backgroundImage = `url("${encodeURI(cue.picture)}")`;
    frame.style.backgroundPosition = `-${x}px -${y}px`;
  }
  return (at) => {
    wanted = at;
    if (cues) return draw();
    cues = [];
    void fetch(file).then(async (answer) => {
      cues = answer.ok ? parse(await answer.text(), file) : [];
      draw();
    }, () => undefined);
  };
}
