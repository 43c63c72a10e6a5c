// Numbers as people read them, on the city's clock.

import type { Limit, Unit } from "./boards";
import { language, texts } from "./texts";

let zone = "UTC";
/** The clock that all times are shown on. */
export const setZone = (name: string): void => {
  zone = name;
};
const locale = (): string => (language() === "zh" ? "zh-CN" : "en-GB");

const digits = (value: number, most: number): string => new Intl.NumberFormat(locale(), { maximumFractionDigits: most }).format(value);
const two = (value: number): string => (Math.abs(value) >= 100 ? digits(value, 0) : Math.abs(value) >= 10 ? digits(value, 1) : digits(value, 2));

/** A share; never rounded up to the whole while something is missing. */
function percent(value: number): string {
  const shown = Math.floor(value * 1000 + 1e-9) / 10;
  return `${digits(shown, 1)}${language() === "zh" ? "" : " "}%`;
}

function seconds(value: number): string {
  const t = texts();
  if (value !== 0 && Math.abs(value) < 1) return `${digits(value * 1000, 0)} ${language() === "zh" ? "毫秒" : "ms"}`;
  return `${two(value)} ${t.second}`;
}

function age(value: number): string {
  const t = texts();
  const past = Math.max(0, value);
  if (past < 90) return `${digits(past, 0)} ${t.second}`;
  if (past < 5400) return `${digits(past / 60, 0)} ${t.minute}`;
  if (past < 172_800) return `${digits(past / 3600, 1)} ${t.hour}`;
  return `${digits(past / 86_400, 1)} ${t.days}`;
}

const clocked = (options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat => new Intl.DateTimeFormat(locale(), { timeZone: zone, hourCycle: "h23", ...options });
export const clock = (at: number): string => clocked({ hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(at * 1000);
export const moment = (at: number): string => clocked({ month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" }).format(at * 1000);
/** A label of a time axis that spans ``long`` seconds. */
export const tick = (at: number, long: number): string =>
  clocked(long > 172_800 ? { month: "numeric", day: "numeric" } : { hour: "2-digit", minute: "2-digit" }).format(at * 1000);

export function shown(value: number | null, unit: Unit): string {
  if (value === null) return texts().unknown;
  switch (unit) {
    case "ratio":
      return percent(value);
    case "seconds":
      return seconds(value);
    case "age":
      return age(value);
    case "moment":
      return moment(value);
    case "count":
      return digits(value, 1);
    case "mbps":
      return `${two(value)} Mbit/s`;
  }
}

/** A limit in words: at least 95 %. */
export function rule(limit: Limit, unit: Unit): string {
  return `${limit.at_least ? texts().atLeast : texts().atMost} ${shown(limit.value, unit)}`;
}
