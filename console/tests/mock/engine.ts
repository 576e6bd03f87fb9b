/** A stand-in for a running engine: serves the built page, the map and the live feed of a `World`. */
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

import { WebSocketServer, type WebSocket } from 'ws';

import type { Alarm } from '../../src/api/alarms';
import type { LiveMessage, Network } from '../../src/api/types';
import { ALARMED, type World } from './world';

const DIST = fileURLToPath(new URL('../../dist', import.meta.url));
const TICK_MS = 100;

/** What the page must be able to live with; `README.md` asks the real server for the same. */
export const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; " +
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
};

/** Members that changed, or of which a new report came: these are young, whatever they say. */
function reported<T extends { id: string | number; age_ms: number | null }>(before: T[], now: T[]): T[] {
  const old = new Map(before.map((member) => [member.id, JSON.stringify(member)]));
  return now.filter((member) => (member.age_ms ?? Infinity) < 1000 || old.get(member.id) !== JSON.stringify(member));
}

/** The alarms that the mock's controller of `ALARMED` begins with. */
function alarms(): Alarm[] {
  const since = '2026-11-22T11:58:00.000Z';
  const one = { component: 'TC', category: 'technical' as const, active: true, acknowledged: false, suspended: false };
  return [
    { ...one, code: 'A0006', text: 'safety fault, the controller is in failure mode', priority: 2, since },
    {
      ...one,
      component: 'DL1',
      code: 'A0302',
      text: 'detector reports nonsense',
      priority: 3,
      acknowledged: true,
      since,
      values: [['type', 'loop']],
    },
  ];
}

/** A closure with a decision, and a case that awaits its confirmation. */
const INCIDENTS = [
  { id: 2, title: 'Case 17: dwelling fire', state: 'proposed', until: null, decisions: [] },
  {
    id: 1,
    title: 'Works in Long Street',
    state: 'active',
    until: null,
    decisions: [
      {
        line: '4',
        direction: 0,
        vehicle: null,
        action: 'detour',
        explain: 'Line 4 to Harbour goes around Long Street by Short Street, 2 min longer; Market is not served.',
      },
    ],
  },
];

export class MockEngine {
  /** How often the feed was opened, and releases asked for. */
  connections = 0;
  releases = 0;
  /** Controllers that have not shown yet that they let go of our calls. */
  unconfirmed: string[] = [];
  readonly alarms = alarms();
  /** What operators did about alarms, in order. */
  readonly acts: Record<string, unknown>[] = [];
  /** The site of the alarms is not connected. */
  siteAway = false;
  private seq = 0;
  private saidAt = new Date();
  private silent = false;
  private refusing = false;
  private said: World;
  private readonly server: Server;
  private readonly sockets = new Set<WebSocket>();
  private readonly feed = new WebSocketServer({ noServer: true });
  private readonly ticker: ReturnType<typeof setInterval>;

  constructor(
    private readonly network: Network,
    readonly world: World,
  ) {
    this.said = structuredClone(world);
    this.server = createServer((request, response) => void this.answer(request, response));
    this.server.on('upgrade', (request, socket, head) => {
      if (this.refusing || request.url !== '/api/live') {
        socket.destroy();
        return;
      }
      this.feed.handleUpgrade(request, socket, head, (client) => this.greet(client));
    });
    this.ticker = setInterval(() => this.tick(), TICK_MS);
  }

  /** Listens on a free port of the loopback; gives the page's address. */
  async start(): Promise<string> {
    await new Promise<void>((listening) => this.server.listen(0, '127.0.0.1', listening));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/`;
  }

  async stop(): Promise<void> {
    clearInterval(this.ticker);
    this.cut();
    this.server.closeAllConnections();
    await new Promise((closed) => this.server.close(closed));
  }

  /** The feed falls silent as if the engine hung: connections stay open, the old snapshot greets new ones. */
  silence(): void {
    this.silent = true;
  }

  /** The feed's connections break, and no new one is taken. */
  cut(): void {
    this.refusing = true;
    for (const client of this.sockets) client.terminate();
  }

  /** The feed is as it should be again. */
  mend(): void {
    this.silent = this.refusing = false;
  }

  /** A message is lost: the next number is skipped. */
  loseOne(): void {
    this.seq += 1;
  }

  private greet(client: WebSocket): void {
    this.connections += 1;
    this.sockets.add(client);
    client.on('close', () => this.sockets.delete(client));
    const { demo, ...rest } = this.said;
    client.send(this.message({ type: 'snapshot', ...rest, ...(demo ? { demo } : {}) }));
  }

  private message(content: Partial<LiveMessage>): string {
    return JSON.stringify({ seq: this.seq, server_time: this.saidAt.toISOString(), ...content });
  }

  private tick(): void {
    if (this.silent) return;
    const [before, now] = [this.said, structuredClone(this.world)];
    this.said = now;
    this.seq += 1;
    this.saidAt = new Date();
    const alive = new Set(now.vehicles.map(({ id }) => id));
    const last = before.events[before.events.length - 1]?.seq ?? 0;
    const whole = <K extends 'engine' | 'waves' | 'feeds' | 'demo'>(key: K) =>
      JSON.stringify(before[key]) === JSON.stringify(now[key]) ? {} : { [key]: now[key] };
    const delta = this.message({
      type: 'delta',
      controllers: reported(before.controllers, now.controllers),
      vehicles: reported(before.vehicles, now.vehicles),
      removed_vehicles: before.vehicles.map(({ id }) => id).filter((id) => !alive.has(id)),
      events: now.events.filter(({ seq }) => seq > last),
      ...whole('engine'),
      ...whole('waves'),
      ...whole('feeds'),
      ...whole('demo'),
    });
    for (const client of this.sockets) client.send(delta);
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '/', 'http://mock').pathname;
    response.setHeader('content-security-policy', POLICY);
    if (path === '/api/network') {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(this.network));
    } else if (path === '/api/incidents') {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(INCIDENTS));
    } else if (path === `/api/controllers/${ALARMED}/alarms`) {
      response.setHeader('content-type', 'application/json');
      if (request.method === 'POST') await this.act(request, response);
      else response.end(JSON.stringify(this.alarms));
    } else if (path === '/api/release-all') {
      this.releases += request.method === 'POST' ? 1 : 0;
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ released: 2, controllers: ['c1', 'c2'], unconfirmed: this.unconfirmed }));
    } else {
      await this.file(path === '/' ? '/index.html' : path, response);
    }
  }

  private async act(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const piece of request) text += String(piece);
    const act = JSON.parse(text) as { component: string; code: string; action: string };
    this.acts.push(act);
    const alarm = this.alarms.find(({ component, code }) => component === act.component && code === act.code);
    if (this.siteAway || !alarm) {
      response.statusCode = 503;
      response.end(JSON.stringify({ error: 'Park Street / Third Avenue: the site is not connected' }));
      return;
    }
    if (act.action === 'acknowledge') alarm.acknowledged = true;
    else alarm.suspended = act.action === 'suspend';
    const open = this.alarms.filter(({ suspended }) => !suspended);
    const controller = this.world.controllers[ALARMED];
    if (controller) {
      controller.alarm_count = {
        active: open.length,
        unacknowledged: open.filter(({ acknowledged }) => !acknowledged).length,
        suspended: this.alarms.length - open.length,
        priority: 2,
      };
    }
    response.end(JSON.stringify({ shown: true, alarms: this.alarms }));
  }

  private async file(path: string, response: ServerResponse): Promise<void> {
    try {
      const body = await readFile(join(DIST, normalize(path)));
      response.setHeader('content-type', TYPES[extname(path)] ?? 'application/octet-stream');
      response.end(body);
    } catch {
      response.statusCode = 404;
      response.end();
    }
  }
}
