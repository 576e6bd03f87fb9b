import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { backoffMs, Connection, DEAD_MS, STALE_MS, type LinkState, type Socket } from './connection';
import type { Outcome } from './state';

class FakeSocket implements Socket {
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: (() => void) | null = null;
  closed = false;
  close(): void {
    this.closed = true;
  }
}

let sockets: FakeSocket[];
let states: LinkState[];
let outcome: Outcome;
let connection: Connection;

const socket = () => sockets[sockets.length - 1]!;
const hear = () => socket().onmessage?.({ data: '{}' });

beforeEach(() => {
  vi.useFakeTimers();
  [sockets, states, outcome] = [[], [], 'applied'];
  connection = new Connection({
    open: () => {
      const opened = new FakeSocket();
      sockets.push(opened);
      return opened;
    },
    onOpening: () => {},
    onMessage: () => outcome,
    onState: (state) => states.push(state),
    now: () => Date.now(),
    random: () => 0.5,
  });
});

afterEach(() => {
  connection.stop();
  vi.useRealTimers();
});

it('is connected with the first message, not before', () => {
  expect(states).toEqual(['connecting']);
  hear();
  expect(states).toEqual(['connecting', 'connected']);
});

it('is stale within two seconds of silence and recovers with the next message', () => {
  hear();
  vi.advanceTimersByTime(STALE_MS + 200);
  expect(STALE_MS + 200).toBeLessThan(2000);
  expect(states.at(-1)).toBe('stale');
  hear();
  expect(states.at(-1)).toBe('connected');
});

it('opens anew after a long silence', () => {
  hear();
  vi.advanceTimersByTime(DEAD_MS + 200);
  expect(sockets[0]?.closed).toBe(true);
  expect(states.at(-1)).toBe('reconnecting');
  vi.advanceTimersByTime(250);
  expect(sockets).toHaveLength(2);
});

it.each(['gap', 'invalid'] as const)('opens anew after a message that is %s', (bad) => {
  hear();
  outcome = bad;
  hear();
  expect(sockets[0]?.closed).toBe(true);
  vi.advanceTimersByTime(250);
  expect(sockets).toHaveLength(2);
});

it('takes a repeated message neither for a fault nor for a sign of life', () => {
  hear();
  outcome = 'repeated';
  vi.advanceTimersByTime(1000);
  hear();
  expect(sockets[0]?.closed).toBe(false);
  vi.advanceTimersByTime(STALE_MS - 800);
  expect(states.at(-1)).toBe('stale');
});

it('waits longer after each failure, and little again after a success', () => {
  const failures = 6;
  const opened: number[] = [];
  for (let i = 0; i < failures; i += 1) {
    const before = Date.now();
    socket().onclose?.();
    vi.advanceTimersToNextTimer();
    while (sockets.length < i + 2) vi.advanceTimersToNextTimer();
    opened.push(Date.now() - before);
  }
  expect(opened).toEqual([250, 500, 1000, 2000, 4000, 4000]);
  hear();
  socket().onclose?.();
  vi.advanceTimersByTime(250);
  expect(sockets).toHaveLength(failures + 2);
});

it('gives up an opening that hangs', () => {
  vi.advanceTimersByTime(DEAD_MS + 500);
  expect(sockets.length).toBeGreaterThan(1);
});

it('opens nothing once stopped', () => {
  socket().onclose?.();
  connection.stop();
  vi.advanceTimersByTime(60_000);
  expect(sockets).toHaveLength(1);
});

it('keeps every pause within its bound', () => {
  for (let attempt = 0; attempt < 2000; attempt += 1) {
    expect(backoffMs(attempt, 1)).toBeLessThan(4801);
    expect(backoffMs(attempt, 0)).toBeGreaterThanOrEqual(200);
  }
});
