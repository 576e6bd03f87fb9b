import { expect, it } from 'vitest';

import { Motion, turn } from './motion';

const at = (x: number, y = 0, heading = 90) => ({ x, y, heading });

it('glides from the shown place to the reported one in the time between reports', () => {
  const motion = new Motion();
  motion.observe('a', at(0), 0);
  motion.observe('a', at(10), 1000);
  expect(motion.pose('a', 1000)?.x).toBe(0);
  expect(motion.pose('a', 1500)?.x).toBe(5);
  expect(motion.pose('a', 2000)?.x).toBe(10);
});

it('never goes beyond the last report', () => {
  const motion = new Motion();
  motion.observe('a', at(0), 0);
  motion.observe('a', at(10), 1000);
  expect(motion.pose('a', 60_000)).toEqual(at(10));
});

it('does not jump when a report comes early', () => {
  const motion = new Motion();
  motion.observe('a', at(0), 0);
  motion.observe('a', at(10), 1000);
  const before = motion.pose('a', 1400)?.x;
  motion.observe('a', at(20), 1400);
  expect(motion.pose('a', 1400)?.x).toBe(before);
});

it('keeps gliding when the same place is reported again', () => {
  const motion = new Motion();
  motion.observe('a', at(0), 0);
  motion.observe('a', at(10), 1000);
  motion.observe('a', at(10), 1100);
  expect(motion.pose('a', 1500)?.x).toBe(5);
});

it('shows a jump as one', () => {
  const motion = new Motion();
  motion.observe('a', at(0), 0);
  motion.observe('a', at(5000), 1000);
  expect(motion.pose('a', 1000)?.x).toBe(5000);
});

it('turns the shorter way round', () => {
  expect(turn(350, 10, 0.5)).toBe(0);
  expect(turn(10, 350, 0.5)).toBe(0);
  expect(turn(90, 180, 0.5)).toBe(135);
  expect(turn(0, 270, 1)).toBe(270);
  expect(turn(null, 90, 0.2)).toBe(90);
  expect(turn(90, null, 0.2)).toBeNull();
});

it('forgets vehicles that are gone', () => {
  const motion = new Motion();
  motion.observe('a', at(0), 0);
  motion.observe('b', at(0), 0);
  motion.retain(new Set(['b']));
  expect(motion.pose('a', 0)).toBeUndefined();
  expect(motion.pose('b', 0)).toBeDefined();
});
