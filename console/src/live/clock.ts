/** Times between messages: ages grow, countdowns fall, on the page's own steady clock. */
import type { Timed } from './state';

/** A position older than this is drawn hollow, a signal state older than this as not known. */
export const STALE_AFTER_MS = 5_000;

/** Seconds until something that was `inS` seconds away when it arrived; negative is past. */
export function remainingS(inS: number, arrivedAt: number, now: number): number {
  return inS - Math.max(0, now - arrivedAt) / 1000;
}

/** Age in milliseconds of a value that was `ageMs` old when it arrived. */
export function ageMs(timed: Timed<{ age_ms: number | null }>, now: number): number {
  return (timed.value.age_ms ?? 0) + Math.max(0, now - timed.at);
}

/** Whether a value is too old to be shown as present. */
export function isStale(timed: Timed<{ age_ms: number | null }>, now: number): boolean {
  return ageMs(timed, now) > STALE_AFTER_MS;
}
