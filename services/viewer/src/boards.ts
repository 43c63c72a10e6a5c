// The generated dashboards and the names that labels stand for (monitoring/dashboards/viewer.py writes them).

import type { Words } from "./texts";

export type Unit = "ratio" | "seconds" | "age" | "moment" | "count" | "mbps";
export type Tone = "good" | "bad" | "unknown";
export type Key = "school" | "district" | "state";

export interface Limit {
  value: number;
  at_least: boolean;
  source: Words;
}
export interface Series {
  expr: string;
  title: Words | null;
  by: Key | null;
  tone: Tone | null;
}
interface Titled {
  id: string;
  title: Words;
  help: Words;
}
export interface Drawn extends Titled {
  kind: "number" | "graph";
  unit: Unit;
  series: Series[];
  limit: Limit | null;
}
export interface Column {
  title: Words;
  expr: string;
  unit: Unit;
  limit: Limit | null;
  label: Key | null;
}
export interface Tabled extends Titled {
  kind: "table";
  key: "school" | "district";
  columns: Column[];
}
export type Panel = Drawn | Tabled;
export interface Board extends Titled {
  panels: Panel[];
}
export interface City {
  city: Words;
  timezone: string;
  readers: { id: string; title: Words }[];
  names: { district: Record<string, Words>; state: Record<string, Words & { tone: Tone }> };
  dashboards: Titled[];
}
export type Schools = Record<string, Words & { district: string }>;

const FOLDER = "dashboards/";

async function read<T>(file: string): Promise<T> {
  const answer = await fetch(FOLDER + file, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`${file}: HTTP ${answer.status}`);
  return (await answer.json()) as T;
}

export const fetchCity = (): Promise<City> => read<City>("index.json");
export const fetchSchools = (): Promise<Schools> => read<Schools>("schools.json");
export const fetchBoard = (id: string): Promise<Board> => read<Board>(`${id}.json`);

/** Whether a value keeps a limit; unknown is neither, and never good. */
export function judge(value: number | null, limit: Limit | null): Tone | null {
  if (value === null) return "unknown";
  if (!limit) return null;
  return (limit.at_least ? value >= limit.value : value <= limit.value) ? "good" : "bad";
}
