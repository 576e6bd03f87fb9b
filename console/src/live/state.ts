/**
 * What the engine last said, kept as plain maps: ten messages a second never touch Svelte's
 * reactive state. The map reads it every frame, the panels a few times a second.
 */
import type {
  ControllerLive,
  Demo,
  EngineFigures,
  Feed,
  LiveEvent,
  LiveMessage,
  VehicleLive,
  Wave,
} from '../api/types';

/** A value and when it arrived, in milliseconds of the page's own steady clock. */
export interface Timed<T> {
  value: T;
  at: number;
}

/** Events kept for the list; older ones fall off. */
export const EVENTS_MAX = 200;

/** What became of a message: `repeated` is one that says again what is known, and proves no life. */
export type Outcome = 'applied' | 'repeated' | 'gap' | 'invalid';

/** The message in a text frame, or null when it is not one. */
export function parseMessage(text: string): LiveMessage | null {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof message !== 'object' || message === null) return null;
  const { type, seq } = message as Partial<LiveMessage>;
  const known = type === 'snapshot' || type === 'delta';
  return known && Number.isInteger(seq) ? (message as LiveMessage) : null;
}

export class LiveState {
  engine: EngineFigures | null = null;
  readonly controllers = new Map<number, Timed<ControllerLive>>();
  readonly vehicles = new Map<string, Timed<VehicleLive>>();
  waves: Timed<Wave[]> = { value: [], at: 0 };
  feeds: Timed<Feed[]> = { value: [], at: 0 };
  events: LiveEvent[] = [];
  demo: Timed<Demo> | null = null;
  /** When the last message arrived; null before the first. */
  lastAt: number | null = null;
  private seq: number | null = null;
  /** Number and server time of the last message: an engine that hangs may still greet with these. */
  private lastSaid = '';

  /** Before a new connection: only a snapshot may begin it. What is shown stays until then. */
  expectSnapshot(): void {
    this.seq = null;
  }

  /** Takes one message that arrived at `now`. A gap leaves the state as it was. */
  apply(message: LiveMessage, now: number): Outcome {
    if (message.type === 'delta' && (this.seq === null || message.seq !== this.seq + 1)) return 'gap';
    this.seq = message.seq;
    const said = `${message.seq} ${message.server_time}`;
    if (said === this.lastSaid) return 'repeated';
    this.lastSaid = said;
    if (message.type === 'snapshot') this.clear();
    this.lastAt = now;
    this.merge(message, now);
    return 'applied';
  }

  private clear(): void {
    this.engine = null;
    this.controllers.clear();
    this.vehicles.clear();
    this.waves = { value: [], at: 0 };
    this.feeds = { value: [], at: 0 };
    this.events = [];
    this.demo = null;
  }

  private merge(message: LiveMessage, now: number): void {
    if (message.engine) this.engine = message.engine;
    for (const value of message.controllers ?? []) this.controllers.set(value.id, { value, at: now });
    for (const value of message.vehicles ?? []) this.vehicles.set(value.id, { value, at: now });
    for (const id of message.removed_vehicles ?? []) this.vehicles.delete(id);
    if (message.waves) this.waves = { value: message.waves, at: now };
    if (message.feeds) this.feeds = { value: message.feeds, at: now };
    if (message.demo) this.demo = { value: message.demo, at: now };
    if (message.events?.length) this.events = [...this.events, ...message.events].slice(-EVENTS_MAX);
  }
}
