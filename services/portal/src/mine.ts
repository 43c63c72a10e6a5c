// What may I see: who I am, my classes and children, and what the matrix of access lets me do with whose. The service says it; this shows it.

import { inWords, names, refusal, type Names, type Refusal } from "./access";
import { choosing, other, type Other } from "./capacities";
import { h } from "./dom";
import { language, texts } from "./texts";

interface Grant {
  action: Names;
  whose: Names[];
  consentBelow: number;
  everybody: boolean;
  /** Nothing of the platform gives it so far. */
  notYet: boolean;
  /** The platform's operator does it for them. */
  byOperator: boolean;
}

interface Resource {
  name: Names;
  description: Names | null;
  licensed: boolean;
  grants: Grant[];
}

interface Child {
  schools: Names[];
  classes: string[];
}

interface Seat {
  licence: Names;
  /** Its last day; null: as long as the licence holds. */
  until: string | null;
}

interface Mine {
  signedIn: boolean;
  tier: Names | null;
  school: Names | null;
  district: Names | null;
  partner: Names | null;
  resources: Resource[];
  classes: { id: string; school: Names | null }[] | null;
  children: Child[] | null;
  seats: Seat[];
  others: Other[];
}

const UNCLEAR: Names = { zh: "现在无法确认您能看什么，请稍后再试。", en: "What you may see cannot be found out now: try again later." };
const SIGN_IN = "/access/sign-in";
type Raw = Record<string, unknown>;

/** Whether the address is the one of this view. */
export const isMine = (): boolean => location.hash === "#mine";

const rows = (value: unknown): Raw[] => (Array.isArray(value) ? value.filter((row): row is Raw => Boolean(row) && typeof row === "object") : []);
const known = (values: unknown): Names[] => (Array.isArray(values) ? values.map(names).filter((each): each is Names => each !== null) : []);
const strings = (values: unknown): string[] => (Array.isArray(values) ? values.filter((each): each is string => typeof each === "string") : []);

function grant(raw: Raw): Grant | null {
  const [action, whose] = [names(raw["action"]), known(raw["whose"])];
  const below = raw["consent_below"];
  if (!action || !whose.length) return null;
  const told = (key: string): boolean => raw[key] === true;
  const by = { everybody: told("everybody"), notYet: told("not_yet"), byOperator: told("by_operator") };
  return { action, whose, consentBelow: typeof below === "number" ? below : 0, ...by };
}

function resource(raw: Raw): Resource | null {
  const name = names(raw["name"]);
  const grants = rows(raw["grants"]).map(grant).filter((each): each is Grant => each !== null);
  return name ? { name, description: names(raw["description"]), licensed: raw["licensed"] === true, grants } : null;
}

function seat(raw: Raw): Seat | null {
  const [licence, until] = [names(raw["licence"]), raw["until"]];
  return licence ? { licence, until: typeof until === "string" ? until : null } : null;
}

function parse(raw: Raw): Mine {
  const [classes, children] = [raw["classes"], raw["children"]];
  return {
    signedIn: raw["signed_in"] === true,
    tier: names(raw["tier"]),
    school: names(raw["school"]),
    district: names(raw["district"]),
    partner: names(raw["partner"]),
    resources: rows(raw["resources"]).map(resource).filter((each): each is Resource => each !== null),
    classes: Array.isArray(classes) ? rows(classes).map((row) => ({ id: String(row["id"]), school: names(row["school"]) })) : null,
    children: Array.isArray(children) ? rows(children).map((row) => ({ schools: known(row["schools"]), classes: strings(row["classes"]) })) : null,
    seats: rows(raw["seats"]).map(seat).filter((each): each is Seat => each !== null),
    others: rows(raw["others"]).map(other).filter((each): each is Other => each !== null),
  };
}

async function fetchMine(): Promise<Mine | Refusal> {
  try {
    const answer = await fetch("/access/mine");
    const body: unknown = await answer.json();
    if (!answer.ok || !Array.isArray((body as Raw | null)?.["resources"])) return refusal(body, answer.status, UNCLEAR);
    return parse(body as Raw);
  } catch {
    return refusal(null, 0, UNCLEAR);
  }
}

/** The way to sign in. */
export const signInLink = (): HTMLElement => h("a", { class: "action", href: SIGN_IN }, texts().signIn);
const list = (parts: string[]): string => parts.join(language() === "zh" ? "、" : ", ");
const either = (parts: string[]): string => parts.join(language() === "zh" ? "，或" : ", or ");

function fact(name: string, value: Names | null): Node[] {
  return value ? [h("dt", {}, name), h("dd", {}, inWords(value))] : [];
}

function whoIAm(mine: Mine, changed: () => Promise<void>): HTMLElement {
  const t = texts();
  if (!mine.signedIn) return h("div", { class: "notice", id: "signed-out" }, h("p", {}, t.signedOut), h("p", {}, signInLink()));
  const facts = [...fact(t.kind, mine.tier), ...fact(t.school, mine.school), ...fact(t.district, mine.district), ...fact(t.partner, mine.partner)];
  const here = [mine.tier, mine.school, mine.district, mine.partner].filter((each): each is Names => each !== null);
  const list = h("dl", { class: "lesson-facts" }, ...facts);
  return h("section", { "aria-labelledby": "who-i-am" }, h("h2", { id: "who-i-am" }, t.whoIAm), list, ...choosing(here, mine.others, changed));
}

function listed(id: string, title: string, lines: string[]): Node[] {
  if (!lines.length) return [];
  const items = lines.map((line) => h("li", {}, line));
  return [h("section", { "aria-labelledby": id }, h("h2", { id }, title), h("ul", { class: "lines", id: `${id}-list` }, ...items))];
}

/** A line of school and classes; what is not known is left out. */
const line = (schools: Names[], classes: string[]): string => [list(schools.map(inWords)), list(classes)].filter(Boolean).join(" · ");

function ofTheRoster(mine: Mine): Node[] {
  const t = texts();
  if (!mine.signedIn) return [];
  if (!mine.classes || !mine.children) return [h("p", { class: "intro", id: "no-roster" }, t.noRoster)];
  const classes = mine.classes.map((each) => line(each.school ? [each.school] : [], [each.id]));
  const children = mine.children.map((each) => line(each.schools, each.classes) || t.childElsewhere);
  const found = [...listed("my-classes", t.myClasses, classes), ...listed("my-children", t.myChildren, children)];
  const seats = mine.seats.map(({ licence, until }) => (until ? t.seatUntil.replace("{licence}", inWords(licence)).replace("{day}", until) : inWords(licence)));
  return [...(found.length ? found : [h("p", { class: "intro" }, t.noneInRoster)]), ...listed("my-seats", t.mySeats, seats)];
}

/** Grants that reach the same, their actions taken together. */
function together(grants: Grant[]): Grant[][] {
  const found = new Map<string, Grant[]>();
  for (const each of grants) {
    const key = JSON.stringify([each.whose, each.consentBelow, each.everybody, each.notYet, each.byOperator]);
    found.set(key, [...(found.get(key) ?? []), each]);
  }
  return [...found.values()];
}

function cells(grants: Grant[]): Node[] {
  const t = texts();
  const [first] = grants;
  if (!first) return [];
  const consent = first.consentBelow ? t.consent.replace("{age}", String(first.consentBelow)) : null;
  const notes = [first.everybody ? t.everybody : null, consent, first.notYet ? t.notYet : null, first.byOperator ? t.byOperator : null];
  return [
    h("td", {}, list(grants.map((each) => inWords(each.action)))),
    h("td", {}, either(first.whose.map(inWords)), ...notes.map((note) => (note ? h("span", { class: "note" }, note) : null))),
  ];
}

function group(row: Resource): HTMLElement {
  const t = texts();
  const all = together(row.grants);
  const about = [row.description ? inWords(row.description) : null, row.licensed && all.length ? t.licensed : null];
  const head = h("th", { scope: "rowgroup", rowspan: Math.max(1, all.length) }, inWords(row.name),
    ...about.map((words) => (words ? h("span", { class: "note" }, words) : null)));
  if (!all.length) return h("tbody", { class: "nothing" }, h("tr", {}, head, h("td", { colspan: 2 }, t.nothing)));
  return h("tbody", {}, ...all.map((grants, at) => h("tr", {}, at ? null : head, ...cells(grants))));
}

function matrix(mine: Mine): HTMLElement {
  const t = texts();
  const heads = [t.what, t.may, t.whose].map((word) => h("th", { scope: "col" }, word));
  const caption = mine.tier ? t.matrixOf.replace("{tier}", inWords(mine.tier)) : t.matrix;
  return h("table", { id: "matrix" }, h("caption", {}, caption), h("thead", {}, h("tr", {}, ...heads)), ...mine.resources.map(group));
}

/** The view; ``changed`` draws everything anew for who has become something else. A refusal is said in the service's words, with the way on. */
export async function mine(changed: () => Promise<void>): Promise<Node[]> {
  const t = texts();
  const back = h("p", { class: "back" }, h("a", { href: "/" }, `← ${t.back}`));
  const heading = h("h1", {}, t.mine);
  const found = await fetchMine();
  if ("reason" in found) {
    const words = h("div", { class: "notice", role: "alert", id: "refusal", "data-reason": found.reason }, h("p", {}, inWords(found.words)), h("p", {}, signInLink()));
    return [back, heading, words];
  }
  return [back, heading, whoIAm(found, changed), ...ofTheRoster(found), matrix(found)];
}
