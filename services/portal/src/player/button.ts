// Buttons of the player: a sign to see, a name to hear, and the same name when a mouse rests on them.

import { h } from "../dom";
import { icon, type Icon } from "./icons";

/** Give ``button`` its name and sign; only what changed is touched, so that a screen reader is not told twice. */
export function label(button: HTMLElement, name: string, sign?: Icon): void {
  if (button.getAttribute("aria-label") !== name) {
    button.setAttribute("aria-label", name);
    button.title = name;
  }
  if (sign && button.dataset["sign"] !== sign) {
    button.dataset["sign"] = sign;
    button.replaceChildren(icon(sign));
  }
}

/** A button with a sign. */
export function signed(id: string, name: string, sign: Icon, act: () => void): HTMLButtonElement {
  const button = h("button", { type: "button", id, class: "sign" });
  label(button, name, sign);
  button.addEventListener("click", act);
  return button;
}

/** A button with a word. */
export function worded(name: string, act: () => void, attributes: Record<string, string> = {}): HTMLButtonElement {
  const button = h("button", { type: "button", ...attributes }, name);
  button.addEventListener("click", act);
  return button;
}
