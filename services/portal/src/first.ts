// The first sign-in: id, code of the slip, a password of one's own. Whether it counts is the service's affair; this only asks and says.

import { h } from "./dom";
import { language, texts } from "./texts";

const ADDRESS = "/access/first";
const SIGN_IN = "/access/sign-in";

/** Whether the address asks for this view. */
export const isFirst = (): boolean => location.hash === "#first";

interface Field {
  name: string;
  label: string;
  hint: string;
  input: HTMLInputElement;
}

function field(name: string, label: string, hint: string, attributes: Record<string, string>): Field {
  const input = h("input", { id: `first-${name}`, name, required: true, "aria-describedby": `first-${name}-hint`, ...attributes });
  return { name, label, hint, input };
}

const shown = ({ name, label, hint, input }: Field): HTMLElement =>
  h("p", { class: "field" }, h("label", { for: input.id }, label), input, h("span", { id: `first-${name}-hint`, class: "hint" }, hint));

interface Told {
  done: boolean;
  words: string;
  reason: string;
  username: string;
}

/** What the service answers, in the reader's words; whatever is unclear was not done. */
async function send(id: string, code: string, password: string): Promise<Told> {
  const unclear = { done: false, words: texts().firstUnclear, reason: "unclear", username: "" };
  try {
    const body = JSON.stringify({ id, code, password });
    const answer = await fetch(ADDRESS, { method: "POST", headers: { "Content-Type": "application/json" }, body });
    const raw = (await answer.json()) as Record<string, unknown>;
    const username = raw["username"];
    if (answer.ok && typeof username === "string") return { done: true, words: "", reason: "", username };
    const words = raw[language()];
    return typeof words === "string" ? { ...unclear, words, reason: String(raw["reason"]) } : unclear;
  } catch {
    return unclear;
  }
}

function finished(username: string): Node[] {
  const t = texts();
  const title = h("h1", { tabindex: -1 }, t.firstDone);
  return [title, h("p", {}, t.firstName, " ", h("strong", { id: "first-name" }, username)), h("p", {}, h("a", { class: "button", href: SIGN_IN }, t.signIn))];
}

/** The form. */
export function first(): Node[] {
  const t = texts();
  const plain = { autocapitalize: "none", autocorrect: "off", spellcheck: "false" };
  const id = field("id", t.firstId, t.firstIdHint, { ...plain, autocomplete: "username", maxlength: "256" });
  const code = field("code", t.firstCode, t.firstCodeHint, { ...plain, autocomplete: "one-time-code", maxlength: "32" });
  const secret = { type: "password", autocomplete: "new-password", maxlength: "256" };
  const password = field("password", t.firstPassword, t.firstPasswordHint, secret);
  const again = field("again", t.firstAgain, t.firstAgainHint, secret);
  const button = h("button", { type: "submit" }, t.firstSend);
  const problem = h("p", { id: "first-problem", class: "notice", role: "alert", hidden: true });
  const form = h("form", { id: "first", novalidate: true }, ...[id, code, password, again].map(shown), problem, button);

  function tell(words: string, reason: string, where: HTMLInputElement | null): void {
    for (const each of [id, code, password, again]) each.input.removeAttribute("aria-invalid");
    problem.hidden = !words;
    problem.textContent = words;
    problem.dataset["reason"] = reason;
    where?.setAttribute("aria-invalid", "true");
    where?.focus();
  }

  async function sent(): Promise<void> {
    const empty = [id, code, password, again].find((each) => !each.input.value);
    if (empty) return tell(`${texts().firstEmpty} ${empty.label}`, "empty", empty.input);
    if (password.input.value !== again.input.value) return tell(texts().firstDiffer, "differ", again.input);
    button.disabled = true;
    tell("", "", null);
    const told = await send(id.input.value.trim(), code.input.value, password.input.value);
    button.disabled = false;
    if (!told.done) return tell(told.words, told.reason, told.reason === "password-refused" ? password.input : null);
    const found = finished(told.username);
    const main = form.parentElement;
    main?.replaceChildren(...found);
    main?.querySelector("h1")?.focus();
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void sent();
  });
  return [h("h1", {}, t.first), h("p", {}, t.firstIntro), form, h("p", { class: "back" }, h("a", { href: "/" }, `← ${t.back}`))];
}
