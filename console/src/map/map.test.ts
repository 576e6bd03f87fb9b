import { expect, it } from 'vitest';

import type { ControllerLive, Head, NetworkLink } from '../api/types';
import { linkClass, namedLinks } from './network-layer';
import { readView, writeView } from './permalink';
import { aspectOf, headSizePx, placeHeads } from './signals-layer';

const link = (rest: Partial<NetworkLink>): NetworkLink => ({
  id: 0,
  street: '',
  uses: ['car'],
  line: [
    [24.9, 60.1],
    [24.91, 60.1],
  ],
  ...rest,
});

it('classes links by who may use them and how they are built', () => {
  expect(linkClass(link({ lanes: 2 }))).toBe('road');
  expect(linkClass(link({ speed_mps: 13.9 }))).toBe('road');
  expect(linkClass(link({ uses: ['bus', 'tram'] }))).toBe('street');
  expect(linkClass(link({ uses: ['tram'] }))).toBe('track');
  expect(linkClass(link({ uses: ['foot', 'bicycle'] }))).toBe('path');
});

it('names a street on its longest links, a few times at most', () => {
  const long = (id: number, lon: number) =>
    link({
      id,
      street: 'Esplanadi',
      line: [
        [24.9, 60.1],
        [lon, 60.1],
      ],
    });
  const named = namedLinks([long(1, 24.91), long(2, 24.95), long(3, 24.93), long(4, 24.92), link({ id: 5 })]);
  expect(named.map(({ id }) => id)).toEqual([2, 3, 4]);
});

const head = (group: number, lon: number): Head => ({ group, kind: 'vehicle', lon, lat: 60.1, heading_deg: 90 });

it('lays heads of one approach side by side, in order of group', () => {
  const slots = placeHeads([head(0, 24.9), head(1, 24.9), head(2, 24.8)]).map(({ group, slot }) => [group, slot]);
  expect(slots).toEqual([
    [0, -0.5],
    [1, 0.5],
    [2, 0],
  ]);
});

it('shows nothing known of a controller that is silent, cut off, or says something strange', () => {
  const live = { link: 'up', aspects: 'GX' } as ControllerLive;
  expect(aspectOf(live, false, 0)).toBe('G');
  expect(aspectOf(live, false, 1)).toBe('?');
  expect(aspectOf(live, false, 2)).toBe('?');
  expect(aspectOf(live, true, 0)).toBe('?');
  expect(aspectOf({ ...live, link: 'down' }, false, 0)).toBe('?');
  expect(aspectOf(undefined, false, 0)).toBe('?');
});

it('keeps heads between readable bounds at every scale', () => {
  for (const scale of [0.01, 0.5, 2, 50]) {
    expect(headSizePx(scale)).toBeGreaterThanOrEqual(7);
    expect(headSizePx(scale)).toBeLessThanOrEqual(20);
  }
});

it('keeps the view in the address, and takes no other text for one', () => {
  const view = { zoom: 17.25, lat: 60.1699, lon: 24.9414 };
  expect(readView(writeView(view))).toEqual(view);
  for (const text of ['', '#', '#17', '#a/b/c', '#17/99/24', '#17/60/24/1']) expect(readView(text)).toBeNull();
});
