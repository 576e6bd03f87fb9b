/**
 * The link to the engine: opens the live feed, watches it, and opens it again with growing
 * pauses when it breaks, falls silent or skips a message.
 */
import type { Outcome } from './state';

export type LinkState = 'connecting' | 'connected' | 'stale' | 'reconnecting';

/** Ten messages a second are due; after this silence the picture counts as old. */
export const STALE_MS = 1_200;
/** After this silence, or an opening that takes this long, the link is opened anew. */
export const DEAD_MS = 5_000;
const WATCH_EVERY_MS = 200;
const BACKOFF_FIRST_MS = 250;
const BACKOFF_MAX_MS = 4_000;

/** The part of a WebSocket that is used here. */
export interface Socket {
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: (() => void) | null;
  close(): void;
}

export interface ConnectionOptions {
  open: () => Socket;
  /** Called before each opening. */
  onOpening: () => void;
  onMessage: (text: string) => Outcome;
  onState: (state: LinkState) => void;
  now?: () => number;
  random?: () => number;
}

/** Pause before opening attempt number `attempt` (from 0): doubling, bounded, spread by a fifth. */
export function backoffMs(attempt: number, random: number): number {
  const pause = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** Math.min(attempt, 16));
  return pause * (0.8 + 0.4 * random);
}

export class Connection {
  private socket: Socket | null = null;
  private state: LinkState = 'connecting';
  private attempt = 0;
  private heardAt = 0;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private readonly watch: ReturnType<typeof setInterval>;
  private readonly now: () => number;

  constructor(private readonly options: ConnectionOptions) {
    this.now = options.now ?? (() => performance.now());
    this.watch = setInterval(() => this.check(), WATCH_EVERY_MS);
    options.onState(this.state);
    this.open();
  }

  /** Opens at once, without waiting for the pause to end. */
  reconnect(): void {
    this.attempt = 0;
    this.drop();
    this.open();
  }

  stop(): void {
    clearInterval(this.watch);
    clearTimeout(this.retry);
    this.detach();
  }

  private open(): void {
    clearTimeout(this.retry);
    this.heardAt = this.now();
    this.options.onOpening();
    try {
      const socket = this.options.open();
      this.socket = socket;
      socket.onmessage = (event) => this.receive(String(event.data));
      socket.onclose = () => this.lost();
    } catch {
      this.lost();
    }
  }

  private receive(text: string): void {
    const outcome = this.options.onMessage(text);
    if (outcome === 'repeated') return;
    if (outcome !== 'applied') {
      this.lost();
      return;
    }
    this.heardAt = this.now();
    this.attempt = 0;
    this.enter('connected');
  }

  private check(): void {
    if (!this.socket) return;
    const silence = this.now() - this.heardAt;
    if (silence >= DEAD_MS) this.lost();
    else if (silence >= STALE_MS && this.state === 'connected') this.enter('stale');
  }

  /** The link is of no use any more: closes it and opens another after a pause. */
  private lost(): void {
    this.drop();
    const pause = backoffMs(this.attempt, (this.options.random ?? Math.random)());
    this.attempt += 1;
    this.retry = setTimeout(() => this.open(), pause);
  }

  private drop(): void {
    this.detach();
    clearTimeout(this.retry);
    if (this.state !== 'connecting') this.enter('reconnecting');
  }

  private detach(): void {
    const socket = this.socket;
    this.socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  private enter(state: LinkState): void {
    if (state === this.state) return;
    this.state = state;
    this.options.onState(state);
  }
}
