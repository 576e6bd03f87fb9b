import { expect, it } from 'vitest';

import { gridNetwork } from '../../tests/mock/network';
import { ALARMED, busyWorld } from '../../tests/mock/world';
import { LiveState } from '../live/state';
import { summarise } from './summary';

function live(): { network: ReturnType<typeof gridNetwork>; state: LiveState } {
  const network = gridNetwork();
  const state = new LiveState();
  const { demo, ...world } = busyWorld(network);
  state.apply({ type: 'snapshot', seq: 1, server_time: '', ...world, ...(demo ? { demo } : {}) }, 1000);
  return { network, state };
}

it('puts controllers that need attention first, then those in use', () => {
  const { network, state } = live();
  const view = summarise(network, state, 1000);
  expect(view.controllers.slice(0, 6).map(({ attention }) => attention)).toEqual([
    'fault',
    'fault',
    'alarm',
    'foreign',
    'ours',
    'ours',
  ]);
  expect(view.faults).toBe(2);
});

it('names the reason why a controller is not armed', () => {
  const { network, state } = live();
  const rows = summarise(network, state, 1000).controllers;
  expect(rows.map(({ words }) => words)).toContain('not armed: backup timer is 600 s, at most 300 s is allowed');
});

it('treats controllers without a recent reading as faults', () => {
  const { network, state } = live();
  expect(summarise(network, state, 60_000).faults).toBe(network.controllers.length);
});

it.each(['flash', 'dark', 'fault', 'manual'])('treats a controller in mode %s as a fault', (mode) => {
  const { network, state } = live();
  Object.assign(state.controllers.get(0)!.value, { mode });
  expect(summarise(network, state, 1000).controllers.find(({ id }) => id === 0)?.words).toBe(`mode ${mode}`);
});

it('counts alarms, and those that ask for attention', () => {
  const { network, state } = live();
  const view = summarise(network, state, 1000);
  expect(view.controllers.find(({ attention }) => attention === 'alarm')?.alarms).toBe('2 alarms, 1 not acknowledged');
  expect([view.alarms, view.pressing]).toEqual([2, 3]);
  const count = { active: 0, unacknowledged: 0, suspended: 2, priority: null };
  Object.assign(state.controllers.get(ALARMED)!.value, { alarm_count: count });
  const later = summarise(network, state, 1000);
  expect(later.controllers.find(({ id }) => id === ALARMED)).toMatchObject({
    alarms: '2 suspended',
    attention: 'none',
  });
  expect([later.alarms, later.pressing]).toEqual([0, 2]);
});

it('shows controllers that nothing was heard of', () => {
  const view = summarise(gridNetwork(), new LiveState(), 0);
  expect(view.controllers.every(({ words }) => words === 'nothing heard yet')).toBe(true);
  expect(view.dataAgeMs).toBeNull();
});

it('counts every time down and every age up', () => {
  const { network, state } = live();
  const later = summarise(network, state, 4000);
  expect(later.dataAgeMs).toBe(3000);
  expect(later.waves[0]?.etaS).toBe(81);
  expect(later.waves[0]?.signals[2]?.greenS).toBe(9);
  expect(later.feeds[0]?.ageMs).toBe(3090);
});

it('lists trams by line, without emergency vehicles', () => {
  const { network, state } = live();
  expect(summarise(network, state, 1000).transit.map(({ vehicle }) => vehicle.label)).toEqual(['4', '7', '10']);
});

it('lists reasons of rejection by number', () => {
  const { network, state } = live();
  expect(summarise(network, state, 1000).feeds[0]?.reasons).toEqual([
    ['stale', 2],
    ['outside the area', 1],
  ]);
});
