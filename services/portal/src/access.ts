// Who is signed in, and whether a lesson may be played. The service decides; this only asks, and says what it was told.

import { reached, schoolCache, type SchoolCache } from "./cache";
import { within } from "./patience";
import { language } from "./texts";

export interface Names {
  zh: string;
  en: string;
}

export interface Session {
  signedIn: boolean;
  standIn: boolean;
  /** Whether they could act as something else, too. */
  more: boolean;
  tier: Names | null;
  school: Names | null;
  cache: SchoolCache | null;
  district: Names | null;
  partner: Names | null;
}

/** Refused, with the reason in both languages. */
export interface Refusal {
  reason: string;
  words: Names;
}

/** A school's cache, and the permission that it is shown. */
export interface Way {
  cache: SchoolCache;
  token: string;
  /** The one that it fetched in the night, or that its school is promised of a live class; null: no one in particular. */
  rendition: string | null;
}

/** Allowed, with the path of the master playlist, and the way to it where that is not the city's; or refused. */
export type Permission = { master: string; way: Way | null } | Refusal;

/** Where a lesson comes from now, and where it may come from. */
export interface Ways {
  /** By a school's cache; null: from the city. */
  way: Way | null;
  /** The cache in the viewer's school; null: there is none. */
  home: SchoolCache | null;
}

/** Allowed, with the path of the file; or refused. */
export type Leave = { path: string } | Refusal;

const ROOT = "/access";
const KEY = /^\/lessons\/[a-z0-9/._~-]+$/i; // our own origin, whatever is answered
const SIGN_IN = "#sign-in=";
const UNCLEAR: Names = { zh: "现在无法确认能否播放，请稍后再试。", en: "Whether it may be played cannot be found out now: try again later." };
const NOBODY: Session = { signedIn: false, standIn: false, more: false, tier: null, school: null, district: null, partner: null, cache: null };
/** Request header with the permission for a school's cache: that is another origin, for which a page has no cookie. */
export const PERMISSION = "X-Lesson-Permission";
const IN_BODY = { "X-Token-In-Body": "1" };
const SOON = 5000;

/** Gives a question up to which there is an answer elsewhere: a link that swallows what is sent says nothing for minutes. */
export const soon = (): AbortSignal => within(SOON);

/** A name in both languages; null for what is none. */
export function names(value: unknown): Names | null {
  const raw = value as Partial<Record<keyof Names, unknown>> | null;
  return raw && typeof raw.zh === "string" && typeof raw.en === "string" ? { zh: raw.zh, en: raw.en } : null;
}

/** The words of the reader's language. */
export const inWords = (both: Names): string => both[language()];

/** What an answer refuses with, in its own words where it has any. */
export function refusal(body: unknown, status: number, otherwise: Names): Refusal {
  const raw = (body ?? {}) as Record<string, unknown>;
  const reason = typeof raw["reason"] === "string" ? raw["reason"] : `HTTP ${status}`;
  return { reason, words: names(body) ?? otherwise };
}

/** Ask whether something may be done with a lesson; the answer, with a path of ours under ``key``, or why not. Whatever is unclear is a refusal.
 * The browser keeps a permission for the city as a cookie that scripts cannot read. */
async function ask(what: string, key: string, init: RequestInit = {}): Promise<(Record<string, unknown> & { path: string }) | Refusal> {
  try {
    const answer = await fetch(`${ROOT}/${what}`, { method: "POST", ...init });
    const body = (await answer.json()) as Record<string, unknown> | null;
    const path = body?.[key];
    if (answer.ok && typeof path === "string" && KEY.test(path) && !path.includes("..")) return { ...body, path };
    return refusal(body, answer.status, UNCLEAR);
  } catch {
    return refusal(null, 0, UNCLEAR);
  }
}

/** Ask to play a lesson, from the city or from a school's ``cache``. */
export async function askToPlay(lesson: string, cache: SchoolCache | null, init: RequestInit = {}): Promise<Permission> {
  const what = `play/${encodeURIComponent(lesson)}`;
  const found = await (cache ? ask(`${what}?place=${cache.place}`, "master", { ...init, headers: IN_BODY }) : ask(what, "master", init));
  if ("reason" in found) return found as Refusal;
  const { token, rendition } = found;
  const way = cache && typeof token === "string" ? { cache, token, rendition: typeof rendition === "string" ? rendition : null } : null;
  return { master: found.path, way };
}

/** Fetch a file of a lesson by the ``way`` that it plays by. */
export function fetchBy(way: Way | null, path: string, init: RequestInit = {}): Promise<Response> {
  return way ? fetch(way.cache.origin + path, { ...init, headers: { [PERMISSION]: way.token } }) : fetch(path, init);
}

/** The way by which a school's ``cache`` gives the lesson with this ``master`` now; null: it gives nothing. */
export async function wayBy(cache: SchoolCache, lesson: string, master: string): Promise<Way | null> {
  if (!(await reached(cache))) return null;
  const permission = await askToPlay(lesson, cache, { signal: soon() });
  if ("reason" in permission || !permission.way) return null;
  const answer = await fetchBy(permission.way, master, { signal: soon() }).catch(() => null);
  return answer?.ok ? permission.way : null;
}

/** Ask to take a lesson away. */
export async function askToTake(lesson: string): Promise<Leave> {
  const found = await ask(`download/${encodeURIComponent(lesson)}`, "path");
  return "reason" in found ? (found as Refusal) : { path: found.path };
}

/** Who is signed in; nobody when that cannot be found out, since nothing is allowed by it here. */
export async function whoIsThere(): Promise<Session> {
  try {
    const answer = await fetch(`${ROOT}/session`);
    if (!answer.ok) return { ...NOBODY, signedIn: true }; // a session that no longer counts: it can be signed out
    const raw = (await answer.json()) as Record<string, unknown>;
    return {
      signedIn: raw["signed_in"] === true,
      standIn: raw["stand_in"] === true,
      more: raw["more"] === true,
      tier: names(raw["tier"]),
      school: names(raw["school"]),
      district: names(raw["district"]),
      partner: names(raw["partner"]),
      cache: schoolCache(raw["cache"]),
    };
  } catch {
    return NOBODY;
  }
}

/** Whether the address is one that signs in. */
export const isSignIn = (): boolean => location.hash.startsWith(SIGN_IN);

/** Sign in with the token after the `#` of the address, if there is one, and take it out of the address and the history. */
export async function signInFromAddress(): Promise<void> {
  if (!isSignIn()) return;
  const token = location.hash.slice(SIGN_IN.length);
  history.replaceState(null, "", location.pathname + location.search);
  await fetch(`${ROOT}/sign-in`, { method: "POST", headers: { Authorization: `Bearer ${token}` } }).catch(() => undefined);
}

/** Out of here and of the sign-in page too: on a shared computer the next one is asked for a password. */
export function signOut(): void {
  location.assign(`${ROOT}/sign-out`);
}
