// Time range and refresh: in the address, so that a link shows to others what one sees.

import { h } from "./dom";
import { texts } from "./texts";

const HOUR = 3600;
const RANGES: [string, number][] = [["1h", HOUR], ["6h", 6 * HOUR], ["24h", 24 * HOUR], ["7d", 168 * HOUR], ["30d", 720 * HOUR]];
const PACES = [0, 30, 60, 300];
const DEFAULT = { range: "6h", pace: 60 };

export interface Choice {
  board: string | null;
  /** Seconds on the screen. */
  seconds: number;
  range: string;
  /** Seconds between two refreshes; 0: none. */
  pace: number;
}

export function chosen(): Choice {
  const asked = new URLSearchParams(location.search);
  const range = RANGES.find(([name]) => name === asked.get("range")) ?? RANGES.find(([name]) => name === DEFAULT.range) ?? ["6h", 6 * HOUR];
  const pace = PACES.find((each) => String(each) === asked.get("refresh")) ?? DEFAULT.pace;
  return { board: asked.get("board"), range: range[0], seconds: range[1], pace };
}

/** The address of a dashboard under the present choices. */
export function address(board: string | null, change: Partial<Choice> = {}): string {
  const now = { ...chosen(), ...change };
  const asked = new URLSearchParams({ ...(board ? { board } : {}), range: now.range, refresh: String(now.pace) });
  return `?${asked}`;
}

function select(label: string, name: string, options: [string, string][], value: string, changed: (value: string) => void): HTMLElement {
  const field = h("select", { name }, ...options.map(([key, text]) => h("option", { value: key, selected: key === value }, text)));
  field.addEventListener("change", () => changed(field.value));
  return h("label", {}, h("span", {}, label), field);
}

/** The two selects and the button. */
export function choices(now: Choice, changed: () => void, again: () => void): HTMLElement {
  const t = texts();
  const spelt = (name: string): string => (name.endsWith("h") ? `${parseInt(name)} ${t.hour}` : `${parseInt(name)} ${t.day}`);
  const go = (change: Partial<Choice>): void => {
    history.replaceState(null, "", address(now.board, change));
    changed();
  };
  const pace = (seconds: number): string => (seconds === 0 ? t.off : seconds < 60 ? `${seconds} ${t.second}` : `${seconds / 60} ${t.minute}`);
  const button = h("button", { type: "button", class: "again" }, t.again);
  button.addEventListener("click", again);
  return h(
    "div",
    { class: "choices" },
    select(t.range, "range", RANGES.map(([name]) => [name, spelt(name)]), now.range, (range) => go({ range })),
    select(t.refresh, "refresh", PACES.map((each) => [String(each), pace(each)]), String(now.pace), (value) => go({ pace: Number(value) })),
    button,
    h("p", { class: "updated", id: "updated" }),
  );
}
