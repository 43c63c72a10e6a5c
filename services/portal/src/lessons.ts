// Lessons, as the list and their own records tell of them; read defensively: one bad row never hides the others.

import { language } from "./texts";

/** What a record says of the broadcast of a lesson that is, or was, live. */
export interface Live {
  going: boolean;
  master: string;
  started: string | null;
  /** Whether there is a recording, or one is to come; records of older releases do not say, and are taken to. */
  recorded: boolean;
  /** Whether the time has passed in which a recording can come: whoever makes it gives up then, and the record may never hear of it. */
  overdue: boolean;
}

/** A file that the licence lets be kept. */
export interface Download {
  path: string;
  bytes: number;
}

export interface Lesson {
  id: string;
  title: string;
  /** Path of the recording's master playlist, of the broadcast's where there is no recording. */
  master: string;
  recorded: boolean;
  live: Live | null;
  thumbnails: string | null;
  download: Download | null;
  school: string;
  seconds: number;
  poster: string | null;
  teacher: string | null;
  subject: string | null;
  licence: string | null;
  published: string | null;
}

const ROOT = "/lessons/";
const ID = /^[a-z0-9-]{1,64}$/i;
const PACKAGING = 4 * 3600 * 1000; // ms after the latest end of a class at which its Job is ended, whatever it does (`SPAN` in derive/live.py)
const CLOCK = 2000; // ms; a `Date` header is rounded to the second, and took a while to come
const KEY = /^[a-z0-9][a-z0-9/._~-]*$/i; // no scheme, no host: a key in our own bucket

function text(value: unknown): string | null {
  if (typeof value === "string") return value.trim() || null;
  if (value && typeof value === "object") {
    const names = value as Record<string, unknown>;
    return text(names[language()]) ?? text(names["zh"]) ?? text(names["en"]) ?? text(names["name"]);
  }
  return null;
}

function path(value: unknown): string | null {
  return typeof value === "string" && KEY.test(value) && !value.includes("..") ? ROOT + value : null;
}

const fields = (value: unknown): Record<string, unknown> => (value && typeof value === "object" ? (value as Record<string, unknown>) : {});

function live(value: unknown): Live | null {
  const raw = fields(value);
  const master = path(raw["master"]);
  const until = Date.parse(text(raw["until"]) ?? ""); // the record of a recording has none
  const late = until < now(); // nothing lasts past its own end, whatever a record still says
  return master ? {
    going: raw["state"] !== "ended" && !late, master, started: text(raw["started"]), recorded: raw["recorded"] !== false, overdue: until + PACKAGING < now(),
  } : null;
}

function download(value: unknown): Download | null {
  const raw = fields(value);
  const [file, bytes] = [path(raw["path"]), raw["bytes"]];
  return file ? { path: file, bytes: typeof bytes === "number" ? bytes : 0 } : null;
}

/** Whether ``master`` is of a recording: what was broadcast lies below `live/` of the lesson. */
export const isRecording = (id: string, master: string): boolean => !master.startsWith(`${ROOT}${id}/live/`);

function parse(row: unknown): Lesson | null {
  const raw = fields(row);
  const broadcast = live(raw["live"]);
  const [id, title, master] = [text(raw["id"]), text(raw["title"]), path(raw["master"]) ?? broadcast?.master];
  if (!id || !title || !master) return null;
  const school = raw["school"] as Record<string, unknown> | undefined;
  return {
    id, title, master, live: broadcast,
    recorded: isRecording(id, master),
    thumbnails: path(fields(raw["thumbnails"])["vtt"]), download: download(raw["download"]),
    school: text(school?.["name"]) ?? text(school?.["code"]) ?? "",
    seconds: typeof raw["seconds"] === "number" ? raw["seconds"] : 0,
    poster: path(raw["poster"]),
    teacher: text(raw["teacher"]), subject: text(raw["subject"]), licence: text(raw["licence"]), published: text(raw["published"]),
  };
}

/** The published lessons; throws an Error whose message is the technical reason. */
export async function fetchLessons(): Promise<Lesson[]> {
  const answer = await fetch(ROOT + "index.json", { headers: { Accept: "application/json" } });
  if (answer.status === 404) return []; // nothing was ever published
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  clockOf(answer);
  const body: unknown = await answer.json();
  const rows = (body as { lessons?: unknown }).lessons;
  if (!Array.isArray(rows)) throw new Error("index.json: no lessons");
  return rows.map(parse).filter((lesson): lesson is Lesson => lesson !== null);
}

/** One lesson by its own record, which tells more than its row in the list; null when it cannot be had. One that took another's place is
 * found under the old id too. */
export async function fetchRecord(id: string, init: RequestInit = {}, further = 2): Promise<Lesson | null> {
  if (!ID.test(id)) return null;
  try {
    const answer = await fetch(`${ROOT}${id}/lesson.json`, { ...init, headers: { Accept: "application/json" } });
    if (!answer.ok) return null;
    clockOf(answer);
    const raw: unknown = await answer.json();
    const other = text(fields(raw)["replaced_by"]);
    return other && further ? fetchRecord(other, init, further - 1) : parse(raw);
  } catch {
    return null;
  }
}

let behind = 0;

/** Compare this machine's clock with the answer's; what a cache kept is as much older as it says. */
function clockOf(answer: Response): void {
  const said = Date.parse(answer.headers.get("Date") ?? "") + 1000 * Number(answer.headers.get("Age") ?? 0);
  const off = said - Date.now();
  if (Number.isFinite(off)) behind = Math.abs(off) > CLOCK ? off : 0;
}

/** Now, in ms, by the clock of the servers: that of a classroom's PC may be hours off. */
export const now = (): number => Date.now() + behind;

/** Seconds as 1:05 or 1:02:05. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const shown = parts[0] ? parts : parts.slice(1);
  return shown.map((part, place) => (place ? String(part).padStart(2, "0") : String(part))).join(":");
}
