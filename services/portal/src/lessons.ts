// The list of published lessons, read defensively: one bad row never hides the others.

import { language } from "./texts";

export interface Lesson {
  id: string;
  title: string;
  master: string;
  school: string;
  seconds: number;
  poster: string | null;
  teacher: string | null;
  subject: string | null;
  licence: string | null;
  published: string | null;
}

const ROOT = "/lessons/";
const KEY = /^[a-z0-9][a-z0-9/._-]*$/i; // no scheme, no host: a key in our own bucket

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

function parse(row: unknown): Lesson | null {
  if (!row || typeof row !== "object") return null;
  const raw = row as Record<string, unknown>;
  const [id, title, master] = [text(raw["id"]), text(raw["title"]), path(raw["master"])];
  if (!id || !title || !master) return null;
  const school = raw["school"] as Record<string, unknown> | undefined;
  return {
    id, title, master,
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
  const body: unknown = await answer.json();
  const rows = (body as { lessons?: unknown }).lessons;
  if (!Array.isArray(rows)) throw new Error("index.json: no lessons");
  return rows.map(parse).filter((lesson): lesson is Lesson => lesson !== null);
}

/** Seconds as 1:05 or 1:02:05. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const shown = parts[0] ? parts : parts.slice(1);
  return shown.map((part, place) => (place ? String(part).padStart(2, "0") : String(part))).join(":");
}
