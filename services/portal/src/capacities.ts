// What else somebody is who is signed in, and acting as that instead. The service says what there is to choose, and whether it is given.

import { inWords, names, refusal, type Names, type Refusal } from "./access";
import { h } from "./dom";
import { texts } from "./texts";

type Raw = Record<string, unknown>;

/** Something else that somebody is. */
export interface Other {
  /** What to ask for, as the service said it. */
  use: Raw;
  called: Names[];
  /** Why this sign-in does not reach so far; null: it does. */
  whyNot: Names | null;
}

const ADDRESS = "/access/use-as";
const CALLED = ["tier", "school", "district", "partner"];
const UNCLEAR: Names = { zh: "现在无法切换身份，请稍后再试。", en: "You cannot change what you are here as now: try again later." };

/** One of the list; null for what has no name. */
export function other(raw: Raw): Other | null {
  const use = raw["use"];
  const called = CALLED.map((key) => names(raw[key])).filter((each): each is Names => each !== null);
  if (!use || typeof use !== "object" || !names(raw["tier"])) return null;
  return { use: use as Raw, called, whyNot: names(raw["why_not"]) };
}

/** Where somebody is something, in a line. */
export const called = (parts: Names[]): string => parts.map(inWords).join(" · ");

/** Ask for it: null when it is given, and else why not. Whatever is unclear was not given. */
async function ask(use: Raw): Promise<Refusal | null> {
  try {
    const answer = await fetch(ADDRESS, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(use) });
    if (answer.ok) return null;
    const body: unknown = await answer.json();
    return refusal(body, answer.status, UNCLEAR);
  } catch {
    return refusal(null, 0, UNCLEAR);
  }
}

/** What somebody is here as, and buttons for what else they are; ``changed`` draws everything anew once they are something else. */
export function choosing(here: Names[], others: Other[], changed: () => Promise<void>): Node[] {
  if (!others.length) return [];
  const t = texts();
  const problem = h("p", { id: "use-as-problem", class: "notice", role: "alert", hidden: true });
  const buttons: HTMLButtonElement[] = [];

  async function choose(use: Raw): Promise<void> {
    for (const each of buttons) each.disabled = true;
    problem.hidden = true;
    const refused = await ask(use);
    for (const each of buttons) each.disabled = false;
    if (refused) {
      problem.hidden = false;
      problem.dataset["reason"] = refused.reason;
      problem.textContent = inWords(refused.words);
      return;
    }
    await changed();
    document.getElementById("here-as")?.focus(); // the button is gone, and what is so now is to be heard
  }

  function choice(each: Other): HTMLElement {
    if (each.whyNot) return h("li", {}, called(each.called), h("span", { class: "note" }, inWords(each.whyNot)));
    const button = h("button", { type: "button" }, called(each.called));
    button.addEventListener("click", () => void choose(each.use));
    buttons.push(button);
    return h("li", {}, button);
  }

  const list = h("ul", { class: "capacities", id: "use-as-list", "aria-labelledby": "use-as-label" }, ...others.map(choice));
  const now = h("p", { id: "here-as", tabindex: -1 }, t.hereAs, h("strong", {}, called(here)));
  return [now, h("p", { id: "use-as-label" }, t.useAs), list, problem];
}
