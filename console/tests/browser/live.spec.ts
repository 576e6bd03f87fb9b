/** The page in front of a running `clearway demo`, whose address is in CLEARWAY_URL. */
import { expect, test } from '@playwright/test';

import { PALETTE } from '../../src/map/palette';
import { countOf, mapRegion, pixelsOf } from './pixels';
import { watch } from './watched';

const address = process.env.CLEARWAY_URL ?? '';
/** The fire call comes some time after the demo has begun. */
const WAVE_WITHIN_MS = 120_000;

test('a fire call on the real map is shown from signals to wave', async ({ page }) => {
  test.setTimeout(WAVE_WITHIN_MS + 90_000);
  const faults = watch(page, () => address);
  await page.setViewportSize({ width: 1920, height: 1080 });
  await page.goto(address);
  await expect(page.getByRole('button', { name: /age of the data/ })).toContainText('Connected', { timeout: 30_000 });
  await expect(page.getByText('© OpenStreetMap contributors')).toBeInViewport();
  const map = await mapRegion(page);

  await test.step('signals are green and red', async () => {
    await expect.poll(() => countOf(page, map, PALETTE.green), { timeout: 30_000 }).toBeGreaterThan(20);
    await expect.poll(() => countOf(page, map, PALETTE.red), { timeout: 30_000 }).toBeGreaterThan(20);
  });

  await test.step('trams move', async () => {
    const trams = async () => new Set((await pixelsOf(page, map, PALETTE.tram, 4)).map(({ x, y }) => `${x},${y}`));
    await expect.poll(async () => (await trams()).size, { timeout: 60_000 }).toBeGreaterThan(100);
    const before = await trams();
    const gone = async () => {
      const now = await trams();
      return [...before].filter((pixel) => !now.has(pixel)).length;
    };
    await expect.poll(gone, { timeout: 60_000 }).toBeGreaterThan(60);
  });

  await test.step('the wave promises green', async () => {
    const waves = page.getByRole('region', { name: 'Active waves' });
    await expect(waves).toContainText(/green in \d+ s|green now|green due/, { timeout: WAVE_WITHIN_MS });
    await expect.poll(() => countOf(page, map, PALETTE.wave, 20), { timeout: 10_000 }).toBeGreaterThan(200);
  });

  expect(faults).toEqual([]);
});
