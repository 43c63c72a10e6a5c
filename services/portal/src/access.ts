// Who is signed in, and whether a lesson may be played. The service decides; this only asks, and says what it was told.

import { language } from "./texts";

export interface Names {
  zh: string;
  en: string;
}

export interface Session {
  signedIn: boolean;
  standIn: boolean;
  tier: Names | null;
  school: Names | null;
}

/** Refused, with the reason in both languages. */
export interface Refusal {
  reason: string;
  words: Names;
}

/** Allowed, with the path of the master playlist; or refused. */
export type Permission = { master: string } | Refusal;

const ROOT = "/access";
const MASTER = /^\/lessons\/[a-z0-9/._-]+$/i; // our own origin, whatever is answered
const SIGN_IN = "#sign-in=";
const UNCLEAR: Names = { zh: "现在无法确认能否播放，请稍后再试。", en: "Whether it may be played cannot be found out now: try again later." };
const NOBODY: Session = { signedIn: false, standIn: false, tier: null, school: null };

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

/** Ask to play a lesson; the browser keeps the permission as a cookie that scripts cannot read. Whatever is unclear is a refusal. */
export async function askToPlay(lesson: string): Promise<Permission> {
  try {
    const answer = await fetch(`${ROOT}/play/${encodeURIComponent(lesson)}`, { method: "POST" });
    const body: unknown = await answer.json();
    const master = (body as { master?: unknown } | null)?.master;
    if (answer.ok && typeof master === "string" && MASTER.test(master) && !master.includes("..")) return { master };
    return refusal(body, answer.status, UNCLEAR);
  } catch {
    return refusal(null, 0, UNCLEAR);
  }
}

/** Who is signed in; nobody when that cannot be found out, since nothing is allowed by it here. */
export async function whoIsThere(): Promise<Session> {
  try {
    const answer = await fetch(`${ROOT}/session`);
    if (!answer.ok) return { ...NOBODY, signedIn: true }; // a session that no longer counts: it can be signed out
    const raw = (await answer.json()) as Record<string, unknown>;
    return { signedIn: raw["signed_in"] === true, standIn: raw["stand_in"] === true, tier: names(raw["tier"]), school: names(raw["school"]) };
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
