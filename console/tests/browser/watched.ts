/** A page that is watched: no request may leave the server, no policy may be broken, no script fail. */
import { expect, test as base, type Page } from '@playwright/test';

import { MockEngine } from '../mock/engine';
import { gridNetwork } from '../mock/network';
import { busyWorld } from '../mock/world';

/** Everything that went wrong on a page while it was open. */
export function watch(page: Page, origin: () => string): string[] {
  const faults: string[] = [];
  const check = (url: string) => {
    const { protocol, host } = new URL(url);
    if (protocol === 'data:' || protocol === 'blob:') return;
    if (host !== new URL(origin()).host) faults.push(`request to ${url}`);
  };
  page.on('request', (request) => check(request.url()));
  page.on('websocket', (socket) => check(socket.url()));
  page.on('pageerror', (error) => faults.push(`script failed: ${error.message}`));
  page.on('console', (message) => {
    if (/content security policy/i.test(message.text())) faults.push(message.text());
  });
  return faults;
}

export const test = base.extend<{ engine: MockEngine; address: string }>({
  engine: async ({}, use) => {
    const network = gridNetwork();
    const engine = new MockEngine(network, busyWorld(network));
    await use(engine);
    await engine.stop();
  },
  address: async ({ engine, page }, use) => {
    const address = await engine.start();
    const faults = watch(page, () => address);
    await use(address);
    expect(faults).toEqual([]);
  },
});

export { expect };
