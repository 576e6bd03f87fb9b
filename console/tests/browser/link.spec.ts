import type { MockEngine } from '../mock/engine';
import { expect, test } from './watched';

const LOST_WITHIN_MS = 2_000;

const LOSSES: [string, (engine: MockEngine) => void][] = [
  ['falls silent', (engine) => engine.silence()],
  ['is cut', (engine) => engine.cut()],
];

for (const [loss, lose] of LOSSES) {
  test(`a feed that ${loss} is told within two seconds, its age grows, and it comes back`, async ({
    page,
    engine,
    address,
  }) => {
    await page.goto(address);
    const button = page.getByRole('button', { name: /age of the data/ });
    await expect(button).toContainText('Connected');
    const alert = page.getByRole('alert');
    await expect(alert).toBeEmpty();

    lose(engine);
    await expect(alert).toContainText('Link lost', { timeout: LOST_WITHIN_MS });
    await expect(button).toContainText(/Stale|Reconnecting/);
    const age = page.getByText(/Last data .* ago/);
    await expect(age).toContainText(/Last data [234]\.\d s ago/);
    await expect(age).toContainText(/Last data [56789]\.\d s ago/, { timeout: 8_000 });

    engine.mend();
    await expect(alert).toBeEmpty({ timeout: 10_000 });
    await expect(button).toContainText('Connected');
  });
}

test('a lost message leads to a new connection and a snapshot', async ({ page, engine, address }) => {
  await page.goto(address);
  const button = page.getByRole('button', { name: /age of the data/ });
  await expect(button).toContainText('Connected');
  expect(engine.connections).toBe(1);
  engine.loseOne();
  engine.world.feeds[0]!.rejected = 77;
  await expect.poll(() => engine.connections).toBe(2);
  await expect(button).toContainText('Connected');
  await page.getByRole('tab', { name: 'Feeds' }).click();
  await expect(page.getByRole('tabpanel')).toContainText('77 rejected');
});

test('an engine that is not there yet is waited for', async ({ page, address }) => {
  let asked = 0;
  await page.route('**/api/network', (route) => (asked++ < 2 ? route.abort() : route.continue()));
  await page.goto(address);
  await expect(page.getByRole('status').filter({ hasText: 'trying again' })).toBeVisible();
  await expect(page.getByRole('button', { name: /age of the data/ })).toContainText('Connected', { timeout: 10_000 });
});
