import { expect, it } from 'vitest';

import type { WaveSignal } from '../api/types';
import { promised } from './promise';

const signal = (state: string, green_in_s: number | null): WaveSignal => ({
  controller: 0,
  title: '',
  state,
  green_in_s,
  call_in_s: null,
  arrive_in_s: null,
  release_in_s: null,
  probability: null,
  explain: null,
});

it('counts the promised green down between messages', () => {
  const planned = signal('planned', 12);
  expect(promised(planned, 0, 0)).toEqual({ text: 'green in 12 s', tone: 'coming' });
  expect(promised(planned, 0, 3_500)).toEqual({ text: 'green in 9 s', tone: 'coming' });
});

it('says green only of a request that the controller shows as served', () => {
  expect(promised(signal('activated', -1), 0, 0).text).toBe('green now');
  expect(promised(signal('queued', -1), 0, 0).text).toBe('green due');
  expect(promised(signal('planned', 1), 0, 5_000).text).toBe('green due');
});

it.each([
  ['not armed', 'not armed'],
  ['rejected', 'refused'],
  ['timeout', 'timed out'],
  ['stale', 'given up'],
])('shows %s as abnormal, whatever time it carries', (state, text) => {
  expect(promised(signal(state, 4), 0, 0)).toEqual({ text, tone: 'abnormal' });
});

it('has passed signals behind it', () => {
  expect(promised(signal('completed', -20), 0, 0)).toEqual({ text: 'passed', tone: 'done' });
});

it('falls back to the word of the state where no time is promised', () => {
  expect(promised(signal('queued', null), 0, 0).text).toBe('waiting');
});
