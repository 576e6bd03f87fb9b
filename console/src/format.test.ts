import { expect, it } from 'vitest';

import * as format from './format';

it('writes ages with one unit', () => {
  const read = [0, 340, 9_940, 9_960, 119_000, 121_000, 7_200_000].map(format.age);
  expect(read).toEqual(['0.0 s', '0.3 s', '9.9 s', '10 s', '119 s', '2 min', '2 h']);
  expect(format.age(null)).toBe('–');
});

it('writes calm ages in whole seconds', () => {
  expect([0, 999, 1_000, 9_940, 9_960, null].map(format.calmAge)).toEqual(['0 s', '0 s', '1 s', '9 s', '10 s', '–']);
});

it('writes lateness with its sign', () => {
  expect([130, -75, 12, null].map(format.lateness)).toEqual(['+2:10', '−1:15', 'on time', '–']);
});

it('writes times to go and times past', () => {
  expect([4.2, 0, -0.5, -4.9, null].map(format.toGo)).toEqual(['in 5 s', 'now', 'now', '4 s ago', '–']);
});

it('groups digits', () => {
  expect(format.count(1234567)).toBe('1\u2009234\u2009567');
  expect(format.count(12)).toBe('12');
});

it('writes clocks, times of day, shares and plurals', () => {
  expect([84.9, 3725, -3].map(format.clock)).toEqual(['1:24', '1:02:05', '0:00']);
  expect(format.timeOfDay('2026-11-22T12:00:01.000Z')).toBe('12:00:01');
  expect(format.timeOfDay('yesterday')).toBe('–');
  expect(format.percent(0.981)).toBe('98 %');
  expect(format.plural(1, 'signal')).toBe('1 signal');
  expect(format.plural(2, 'signal')).toBe('2 signals');
});
