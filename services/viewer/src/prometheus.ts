// Prometheus' HTTP API, two calls of it, behind the gateway that asks who is there.

import { within } from "./patience";
import { say } from "./texts";

export type Labels = Record<string, string>;
export interface Sample {
  labels: Labels;
  value: number;
}
export interface Line {
  labels: Labels;
  /** Unix seconds and value; where nothing was measured there is no point. */
  points: [number, number][];
}
/** What is on the screen: the last ``seconds`` before ``end`` (Unix seconds). */
export interface Span {
  end: number;
  seconds: number;
}

export type Trouble = "signed-out" | "forbidden" | "down" | "query";
export class Refused extends Error {
  /** ``words``: what the service that decides says of it, for whoever reads the page. */
  constructor(readonly trouble: Trouble, detail: string, readonly words: string | null = null) {
    super(detail);
  }
}

const ROOT = "api/v1/";
const PATIENCE = 20_000; // ms
const POINTS = 240;
const FINEST = 15; // s; nothing is measured more often
const RANGE = "$__range";

export const step = (span: Span): number => Math.max(FINEST, Math.ceil(span.seconds / POINTS));
const filled = (expr: string, span: Span): string => expr.split(RANGE).join(`${span.seconds}s`);

interface Result {
  metric: Labels;
  value?: [number, string];
  values?: [number, string][];
}

/** Prometheus' answer, or the words of a refusal. */
interface Body {
  status?: string;
  error?: string;
  data?: { result?: Result[] };
  zh?: string;
  en?: string;
}

function parsed(text: string): Body | null {
  try {
    return JSON.parse(text) as Body;
  } catch {
    return null;
  }
}

async function ask(path: string, parameters: Record<string, string>): Promise<Result[]> {
  const answer = await fetch(`${ROOT}${path}?${new URLSearchParams(parameters)}`, {
    headers: { Accept: "application/json" },
    credentials: "same-origin",
    cache: "no-store",
    signal: within(PATIENCE),
  }).catch((error: unknown) => {
    throw new Refused("down", error instanceof Error ? error.message : String(error));
  });
  if (answer.status === 401) throw new Refused("signed-out", "HTTP 401");
  const text = await answer.text().catch(() => "");
  const body = parsed(text);
  const words = body?.zh && body.en ? say({ zh: body.zh, en: body.en }) : null;
  const detail = `HTTP ${answer.status}`;
  // Where the service that decides does not answer, the gateway says no without a word.
  if (answer.status === 403) throw new Refused(text ? "forbidden" : "down", detail, words);
  if (body?.status === "error" && answer.status < 500) throw new Refused("query", body.error ?? detail);
  if (!answer.ok || body?.status !== "success") throw new Refused("down", body?.error ?? detail, words);
  return body.data?.result ?? [];
}

const known = (text: string): number | null => {
  const value = Number(text);
  return Number.isFinite(value) ? value : null; // NaN and the infinities say nothing that could be shown
};

/** The values at the end of the span. */
export async function instant(expr: string, span: Span): Promise<Sample[]> {
  const found = await ask("query", { query: filled(expr, span), time: String(span.end) });
  return found.flatMap(({ metric, value }) => {
    const number = value ? known(value[1]) : null;
    return number === null ? [] : [{ labels: metric, value: number }];
  });
}

/** The values over the span. */
export async function range(expr: string, span: Span): Promise<Line[]> {
  const width = step(span);
  const end = Math.floor(span.end / width) * width; // the same moments at every refresh, so that lines do not tremble
  const start = end - Math.floor(span.seconds / width) * width;
  const found = await ask("query_range", { query: filled(expr, span), start: String(start), end: String(end), step: String(width) });
  return found.map(({ metric, values }) => ({
    labels: metric,
    points: (values ?? []).flatMap(([at, text]): [number, number][] => {
      const number = known(text);
      return number === null ? [] : [[at, number]];
    }),
  }));
}
