import { describe, expect, it } from 'vitest';

import type { ControllerLive, LiveMessage, VehicleLive } from '../api/types';
import { EVENTS_MAX, LiveState, parseMessage } from './state';

const controller = (id: number, aspects: string): ControllerLive => ({
  id,
  aspects,
  link: 'up',
  armed: true,
  why: null,
  mode: 'normal',
  age_ms: 0,
  preempt: null,
});

const vehicle = (id: string, lon = 24.9): VehicleLive => ({
  id,
  lon,
  lat: 60.1,
  class: 'tram',
  label: '4',
  heading_deg: 0,
  speed_mps: 5,
  age_ms: 0,
  lateness_s: 0,
  priority: 'none',
});

const message = (type: LiveMessage['type'], seq: number, rest: Partial<LiveMessage> = {}): LiveMessage => ({
  type,
  seq,
  server_time: '2026-11-22T12:00:00.000Z',
  ...rest,
});

const event = (seq: number) => ({ seq, at: '2026-11-22T12:00:00.000Z', severity: 'info', text: `event ${seq}` });

describe('the live state', () => {
  it('begins with a snapshot and merges deltas by id', () => {
    const live = new LiveState();
    live.apply(message('snapshot', 5, { controllers: [controller(0, 'GR'), controller(1, 'RR')] }), 1000);
    expect(live.apply(message('delta', 6, { controllers: [controller(1, 'RG')] }), 1100)).toBe('applied');
    expect(live.controllers.get(0)).toMatchObject({ at: 1000, value: { aspects: 'GR' } });
    expect(live.controllers.get(1)).toMatchObject({ at: 1100, value: { aspects: 'RG' } });
    expect(live.lastAt).toBe(1100);
  });

  it('takes removed vehicles away', () => {
    const live = new LiveState();
    live.apply(message('snapshot', 1, { vehicles: [vehicle('a'), vehicle('b')] }), 0);
    live.apply(message('delta', 2, { vehicles: [vehicle('c')], removed_vehicles: ['a', 'never seen'] }), 100);
    expect([...live.vehicles.keys()]).toEqual(['b', 'c']);
  });

  it('refuses a delta before a snapshot', () => {
    expect(new LiveState().apply(message('delta', 0), 0)).toBe('gap');
  });

  it.each([7, 9, 6])('refuses delta %i after 7 and stays as it was', (seq) => {
    const live = new LiveState();
    live.apply(message('snapshot', 7, { vehicles: [vehicle('a')] }), 0);
    expect(live.apply(message('delta', seq, { removed_vehicles: ['a'] }), 100)).toBe('gap');
    expect(live.vehicles.has('a')).toBe(true);
    expect(live.lastAt).toBe(0);
  });

  it('needs a snapshot again after a new connection, and shows the old picture until then', () => {
    const live = new LiveState();
    live.apply(message('snapshot', 1, { vehicles: [vehicle('a')] }), 0);
    live.expectSnapshot();
    expect(live.apply(message('delta', 2), 100)).toBe('gap');
    expect(live.vehicles.has('a')).toBe(true);
  });

  it('does not grow young from a snapshot that it has heard before', () => {
    const live = new LiveState();
    live.apply(message('snapshot', 1, { vehicles: [vehicle('a')] }), 0);
    live.expectSnapshot();
    expect(live.apply(message('snapshot', 1, { vehicles: [vehicle('a')] }), 9000)).toBe('repeated');
    expect(live.lastAt).toBe(0);
    expect(live.vehicles.get('a')?.at).toBe(0);
    expect(live.apply(message('delta', 2), 9100)).toBe('applied');
  });

  it('replaces everything with a snapshot in the middle of the feed', () => {
    const live = new LiveState();
    const demo = { at_s: 1, speed: 1, headline: '', cars: [] };
    live.apply(message('snapshot', 1, { vehicles: [vehicle('a')], events: [event(1)], demo }), 0);
    live.apply(message('snapshot', 40, { vehicles: [vehicle('b')], events: [event(2)] }), 100);
    expect([...live.vehicles.keys()]).toEqual(['b']);
    expect(live.events.map(({ seq }) => seq)).toEqual([2]);
    expect(live.demo).toBeNull();
    expect(live.apply(message('delta', 41), 200)).toBe('applied');
  });

  it('keeps what a delta does not speak of', () => {
    const live = new LiveState();
    const feed = { name: 'hfp', age_ms: 0, accepted: 1, rejected: 0, reasons: {} };
    live.apply(message('snapshot', 1, { feeds: [feed], waves: [] }), 0);
    live.apply(message('delta', 2), 100);
    expect(live.feeds).toEqual({ value: [feed], at: 0 });
  });

  it('keeps a bounded number of events, the latest', () => {
    const live = new LiveState();
    live.apply(message('snapshot', 0), 0);
    for (let seq = 1; seq <= EVENTS_MAX + 50; seq += 1)
      live.apply(message('delta', seq, { events: [event(seq)] }), seq);
    expect(live.events).toHaveLength(EVENTS_MAX);
    expect(live.events[EVENTS_MAX - 1]?.seq).toBe(EVENTS_MAX + 50);
  });
});

describe('a message', () => {
  it.each(['', '{', 'null', '[]', '7', '{"type":"delta"}', '{"type":"other","seq":1}', '{"type":"delta","seq":1.5}'])(
    'is not read from %j',
    (text) => expect(parseMessage(text)).toBeNull(),
  );

  it('is read from what the engine sends', () => {
    expect(parseMessage('{"type":"snapshot","seq":0,"server_time":""}')).toMatchObject({ type: 'snapshot', seq: 0 });
  });
});
