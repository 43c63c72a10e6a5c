// One page with three views: the list, ?lesson=<id>, and #mine. Links stay ordinary links, so that they open in tabs and survive a reload.

import "./style.css";
import "./player/style.css";
import { askToPlay, inWords, isSignIn, signInFromAddress, signOut, whoIsThere, type Session } from "./access";
import { reached } from "./cache";
import { catalogue, facts } from "./catalogue";
import { byId, h } from "./dom";
import { download } from "./download";
import { first, isFirst } from "./first";
import { fetchLessons, fetchRecord, isRecording, type Lesson } from "./lessons";
import { isMine, mine, signInLink } from "./mine";
import { openPlayer, type Place, type Player } from "./player";
import { words } from "./player/texts";
import { language, switchLanguage, texts } from "./texts";

let player: Player | null = null;
const BEGINNING: Place = { master: "", at: -1 };
let left = BEGINNING; // where the player was when its view was drawn anew, in the other language
let session: Session | null = null;
let turn = 0;

function frame(): void {
  const t = texts();
  document.documentElement.lang = language() === "zh" ? "zh-CN" : "en";
  byId("brand-name").textContent = t.brand;
  byId("skip").textContent = t.skip;
  byId("footer").textContent = t.footer;
  const button = byId("language");
  button.textContent = t.other;
  button.lang = language() === "zh" ? "en" : "zh-CN";
  const link = byId("may-see");
  link.textContent = t.mine;
  if (isMine()) link.setAttribute("aria-current", "page");
  else link.removeAttribute("aria-current");
  byId("sign-in").textContent = t.signIn;
  showSession();
}

function showSession(): void {
  const t = texts();
  const there = session?.signedIn ?? false;
  const parts = [session?.tier, session?.school, session?.district, session?.partner].map((part) => (part ? inWords(part) : null)).filter(Boolean);
  const who = byId("who");
  who.hidden = byId("sign-out").hidden = !there;
  byId("sign-in").hidden = there;
  byId("first-time").hidden = there;
  byId("first-time").textContent = t.first;
  byId("sign-out").textContent = t.signOut;
  who.textContent = parts.join(" · ") || t.signedIn;
  byId("use-as").hidden = !session?.more || isMine();
  byId("use-as").textContent = t.useAsElse;
  who.title = session?.standIn ? t.standIn : "";
  if (there && session?.standIn) byId("footer").textContent = `${t.footer} ${t.standIn}${language() === "zh" ? "。" : "."}`;
}

/** Why a lesson may not be played, in the reader's words. */
function refused(words: string, reason: string): HTMLElement {
  const way = session?.signedIn ? null : h("p", {}, signInLink());
  return h("div", { class: "notice", role: "alert", id: "refusal", "data-reason": reason }, h("h2", {}, texts().refused), h("p", {}, words), way);
}

/** What the page shows, made in turn ``now``; with ``start`` a lesson plays from its beginning. */
async function view(id: string | null, now: number, start: boolean): Promise<Node[]> {
  if (isMine()) {
    document.title = `${texts().mine} · ${texts().page}`;
    return mine(again);
  }
  if (isFirst()) {
    document.title = `${texts().first} · ${texts().page}`;
    return first();
  }
  document.title = texts().page;
  if (!id) return catalogue(await fetchLessons());
  const back = h("p", { class: "back" }, h("a", { href: "/" }, `← ${texts().back}`));
  const lesson = await find(id);
  if (!lesson) return [back, h("div", { class: "notice", role: "alert" }, h("h1", {}, texts().missing), h("p", {}, texts().missingHint))];
  document.title = `${lesson.title} · ${texts().page}`;
  const home = session?.cache ?? null;
  const permission = await askToPlay(lesson.id, await reached(home));
  if ("reason" in permission) return [back, h("h1", {}, lesson.title), refused(inWords(permission.words), permission.reason), facts(lesson)];
  const wish = { from: start ? BEGINNING : left, start, reopen: () => void show(true) };
  const opened = await openPlayer(asPlayed(lesson, permission.master), { way: permission.way, home }, wish);
  if (now !== turn) { // another view has come meanwhile: nobody would see this one play, and nothing would end it
    opened.destroy();
    return [];
  }
  player = opened;
  const soon = lesson.live?.recorded && !lesson.live.going && !lesson.recorded ? h("p", { class: "notice" }, lesson.live.overdue ? words().recordingNever : words().recordingSoon) : null;
  const away = lesson.download ? [download(lesson, lesson.download)] : [];
  return [back, h("h1", {}, lesson.title), player.element, ...(soon ? [soon] : []), ...away, facts(lesson)];
}

/** A lesson by its record; by the list where the record cannot be had. */
async function find(id: string): Promise<Lesson | null> {
  return (await fetchRecord(id)) ?? (await fetchLessons()).find((row) => row.id === id) ?? null;
}

/** What to play of it: while it is live the broadcast, and else what the permission names, which may be newer than the record. */
function asPlayed(lesson: Lesson, master: string): Lesson {
  if (lesson.live?.going) return { ...lesson, master: lesson.live.master };
  return { ...lesson, master: isRecording(lesson.id, master) || !lesson.recorded ? master : lesson.master };
}

async function show(start = false): Promise<void> {
  const now = ++turn;
  if (player) left = player.place();
  player?.destroy();
  player = null;
  frame();
  const main = byId("main");
  main.replaceChildren(h("p", { class: "loading", role: "status" }, texts().loading));
  const content = await view(new URLSearchParams(location.search).get("lesson"), now, start).catch((error: unknown) => {
    const button = h("button", { type: "button" }, texts().again);
    button.addEventListener("click", () => void show());
    const detail = error instanceof Error ? error.message : String(error);
    return [h("div", { class: "notice", role: "alert" }, h("h1", {}, texts().listFailed), h("p", { class: "detail" }, `${texts().detail}: ${detail}`), button)];
  });
  if (now === turn) main.replaceChildren(...content);
}

/** Everything for whoever is there now. */
async function again(): Promise<void> {
  session = await whoIsThere();
  await show();
}

async function start(): Promise<void> {
  await signInFromAddress();
  await again();
}

byId("language").addEventListener("click", () => {
  switchLanguage();
  void show();
});
byId("sign-out").addEventListener("click", signOut);
byId("skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address says which view it is
  byId("main").focus();
});
window.addEventListener("hashchange", () => { // the other view, or a sign-in address opened in a tab that is here already
  if (isSignIn()) void start();
  else void show().then(() => byId("main").focus());
});
void start();
