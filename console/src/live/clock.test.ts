import { expect, it } from 'vitest';

import { ageMs, isStale, remainingS, STALE_AFTER_MS } from './clock';

it('counts down from when the message arrived', () => {
  expect(remainingS(12.5, 1000, 1000)).toBe(12.5);
  expect(remainingS(12.5, 1000, 4000)).toBe(9.5);
  expect(remainingS(1, 1000, 4000)).toBe(-2);
});

it('never counts up when a clock reading is older than the message', () => {
  expect(remainingS(12, 1000, 900)).toBe(12);
});

it('lets ages grow without messages', () => {
  const timed = { value: { age_ms: 300 }, at: 1000 };
  expect(ageMs(timed, 1000)).toBe(300);
  expect(ageMs(timed, 3000)).toBe(2300);
  expect(isStale(timed, 1000 + STALE_AFTER_MS - 300)).toBe(false);
  expect(isStale(timed, 1001 + STALE_AFTER_MS - 300)).toBe(true);
});
