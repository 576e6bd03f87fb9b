/** One sitting at the page: the map's data, the live feed, and the panels' view of it. */
import { fromLonLat } from 'ol/proj';

import { fetchNetwork, liveUrl } from './api/client';
import type { LiveMessage, Network } from './api/types';
import { backoffMs, Connection, type LinkState, type Socket } from './live/connection';
import { Motion } from './live/motion';
import { LiveState, parseMessage, type Outcome } from './live/state';
import { summarise, type View } from './panels/summary';

/** Panels are written anew this often; the map has its own pace. */
const PANELS_EVERY_MS = 250;

/** What is picked, on the map or in a list. */
export type Selection = { controller: number } | { vehicle: string } | null;

export class Session {
  readonly live = new LiveState();
  readonly motion = new Motion();
  network = $state.raw<Network | null>(null);
  view = $state.raw<View | null>(null);
  link = $state<LinkState>('connecting');
  /** Why there is no map yet; empty while all is well. */
  trouble = $state('');
  selection = $state.raw<Selection>(null);
  /** The map listens here; called for each message. */
  onChange: () => void = () => {};
  /** The map brings this into sight; called when a list entry is picked. */
  onFocus: (selection: NonNullable<Selection>) => void = () => {};

  private connection: Connection | null = null;
  private networkText = '';
  private panels: ReturnType<typeof setInterval> | undefined;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private openings = 0;

  start(): void {
    this.panels = setInterval(() => this.refresh(), PANELS_EVERY_MS);
    void this.load(0);
  }

  stop(): void {
    clearInterval(this.panels);
    clearTimeout(this.retry);
    this.connection?.stop();
  }

  /** Picks an entry of a list and shows it on the map. */
  pick(selection: NonNullable<Selection>): void {
    this.selection = selection;
    this.onFocus(selection);
  }

  reconnect(): void {
    this.connection?.reconnect();
  }

  private async load(attempt: number): Promise<void> {
    try {
      const { network, text } = await fetchNetwork();
      this.networkText = text;
      this.network = network;
      this.trouble = '';
      this.connect();
    } catch (error) {
      this.trouble = error instanceof Error ? error.message : String(error);
      this.retry = setTimeout(() => void this.load(attempt + 1), backoffMs(attempt, Math.random()));
    }
  }

  private connect(): void {
    this.connection = new Connection({
      open: () => new WebSocket(liveUrl()) as unknown as Socket,
      onOpening: () => this.opening(),
      onMessage: (text) => this.receive(text),
      onState: (state) => {
        this.link = state;
        this.refresh();
      },
    });
  }

  private opening(): void {
    this.live.expectSnapshot();
    if (this.openings > 0) void this.reloadIfOtherNetwork();
    this.openings += 1;
  }

  /** An engine that comes back with another model needs another map: the page starts afresh. */
  private async reloadIfOtherNetwork(): Promise<void> {
    try {
      const { text } = await fetchNetwork();
      if (text !== this.networkText) location.reload();
    } catch {
      // The engine is still away; the next opening asks again.
    }
  }

  private receive(text: string): Outcome {
    const message = parseMessage(text);
    if (!message) return 'invalid';
    const now = performance.now();
    const outcome = this.live.apply(message, now);
    if (outcome === 'applied') {
      this.move(message, now);
      this.onChange();
      if (message.type === 'snapshot') this.refresh();
    }
    return outcome;
  }

  private move(message: LiveMessage, now: number): void {
    for (const { id, lon, lat, heading_deg: heading } of message.vehicles ?? []) {
      const [x = 0, y = 0] = fromLonLat([lon, lat]);
      this.motion.observe(id, { x, y, heading }, now);
    }
    this.motion.retain(this.live.vehicles);
  }

  private refresh(): void {
    if (this.network) this.view = summarise(this.network, this.live, performance.now());
  }
}
