// The cache in the viewer's school. Where this browser reaches it, lessons come from it, and cross the school's link once for all rooms.

import { within } from "./patience";
import { recall, remember } from "./player/memory";

/** Where it answers, and what a permission for it names. */
export interface SchoolCache {
  place: string;
  origin: string;
}

const PATIENCE = 1500; // ms in which it says that it is well: it stands in the same building, or it is not reached at all
const REST = 300_000; // ms for which one that was of no use is left alone
const SPREAD = 30_000; // ms at most for which one room leaves it alone longer than another: they come back one by one
const LEFT = "school-cache-left";
const PLACE = /^[0-9A-Za-z-]+$/;
const ORIGIN = /^https:\/\/[a-z0-9.-]+(:[0-9]+)?$/;

/** What the platform says of it; null where there is none. */
export function schoolCache(value: unknown): SchoolCache | null {
  const raw = value as Partial<Record<keyof SchoolCache, unknown>> | null | undefined;
  const [place, origin] = [raw?.place, raw?.origin];
  return typeof place === "string" && PLACE.test(place) && typeof origin === "string" && ORIGIN.test(origin) ? { place, origin } : null;
}

/** Leave it alone for a while, on the next pages too. */
export const leave = (): void => remember(LEFT, String(Date.now() + SPREAD * Math.random()));

/** Whether it is left alone now. What was noted far in the future was noted by a clock that has been put right since. */
export const rests = (): boolean => Math.abs(Date.now() - Number(recall(LEFT) ?? 0)) < REST;

/** The cache, if this browser reaches it; null: lessons come from the city. */
export async function reached(cache: SchoolCache | null): Promise<SchoolCache | null> {
  if (!cache || rests()) return null;
  const answer = await fetch(`${cache.origin}/healthz`, { cache: "no-store", signal: within(PATIENCE) }).catch(() => null);
  if (answer?.ok) return cache;
  leave();
  return null;
}
