import { PALETTE } from '../../src/map/palette';
import { controllerAt, place, TRAM_ROW } from '../mock/network';
import { WAVE_ROW } from '../mock/world';
import { around, countOf, hash, middleOf, onScreen, type View } from './pixels';
import { expect, test } from './watched';

/** Near enough that heads are large, and wide enough to hold a block on each side. */
const NEAR: View = { zoom: 18, at: place(2, TRAM_ROW) };

test('a signal head shows its state by colour and by shape', async ({ page, engine, address }) => {
  const controller = engine.world.controllers[controllerAt(2, TRAM_ROW)]!;
  controller.aspects = 'GRRRR';
  await page.goto(address + hash(NEAR));
  const head = around(await onScreen(page, NEAR, place(2 - 0.11, TRAM_ROW)), 14);
  const count = (color: string) => countOf(page, head, color);

  await expect.poll(() => count(PALETTE.green)).toBeGreaterThan(60);
  expect(await count(PALETTE.red)).toBe(0);
  const arrow = await count(PALETTE.green);

  controller.aspects = 'YRRRR';
  await expect.poll(() => count(PALETTE.yellow)).toBeGreaterThan(60);
  expect(await count(PALETTE.green)).toBe(0);

  controller.aspects = 'RRRRR';
  await expect.poll(() => count(PALETTE.red)).toBeGreaterThan(60);
  expect(await count(PALETTE.green)).toBe(0);
  expect(await count(PALETTE.red)).not.toBe(arrow);

  controller.aspects = 'CRRRR';
  await expect.poll(() => count(PALETTE.green)).toBeGreaterThan(20);
  expect(await count(PALETTE.green)).toBeLessThan(arrow * 0.8);

  controller.aspects = '?RRRR';
  await expect.poll(() => count(PALETTE.unknown)).toBeGreaterThan(20);
  expect(await count(PALETTE.green)).toBe(0);
});

test('a controller whose link is down shows nothing known', async ({ page, engine, address }) => {
  const controller = engine.world.controllers[controllerAt(2, TRAM_ROW)]!;
  controller.aspects = 'GGGGG';
  await page.goto(address + hash(NEAR));
  const head = around(await onScreen(page, NEAR, place(2 - 0.11, TRAM_ROW)), 14);
  await expect.poll(() => countOf(page, head, PALETTE.green)).toBeGreaterThan(60);
  controller.link = 'down';
  await expect.poll(() => countOf(page, head, PALETTE.unknown)).toBeGreaterThan(20);
  expect(await countOf(page, head, PALETTE.green)).toBe(0);
});

test('streets and tracks are drawn where they are', async ({ page, address }) => {
  await page.goto(address + hash(NEAR));
  const street = around(await onScreen(page, NEAR, place(2.3, 0.6)), 2);
  const track = around(await onScreen(page, NEAR, place(2.35, TRAM_ROW)), 8);
  await expect.poll(() => countOf(page, track, PALETTE.track, 50)).toBeGreaterThan(8);
  expect(await countOf(page, street, PALETTE.ground, 4)).toBeGreaterThan(8);
});

test('the fire engine moves to where it is reported', async ({ page, engine, address }) => {
  const view: View = { zoom: 18, at: place(0.6, 3.2) };
  const fireEngine = engine.world.vehicles[0]!;
  engine.world.waves = [];
  [fireEngine.lon, fireEngine.lat] = place(0.4, 3.4);
  await page.goto(address + hash(view));
  const find = async (column: number) => {
    const at = await onScreen(page, view, place(column, 3.4));
    const middle = await middleOf(page, around(at, 17), PALETTE.wave, 150);
    return middle && Math.hypot(middle.x - at.x, middle.y - at.y);
  };
  await expect.poll(() => find(0.4)).toBeLessThan(4);
  [fireEngine.lon, fireEngine.lat] = place(0.8, 3.4);
  await expect.poll(() => find(0.8)).toBeLessThan(4);
  expect(await find(0.4)).toBeNull();
});

for (const reducedMotion of ['reduce', 'no-preference'] as const) {
  test(`the fire engine ${reducedMotion === 'reduce' ? 'does not pulse' : 'pulses'} with motion: ${reducedMotion}`, async ({
    page,
    engine,
    address,
  }) => {
    const view: View = { zoom: 18, at: place(0.6, 3.2) };
    const fireEngine = engine.world.vehicles[0]!;
    engine.world.waves = [];
    [fireEngine.lon, fireEngine.lat] = place(0.4, 3.4);
    await page.emulateMedia({ reducedMotion });
    await page.goto(address + hash(view));
    const at = await onScreen(page, view, place(0.4, 3.4));
    await expect.poll(() => countOf(page, around(at, 17), PALETTE.wave)).toBeGreaterThan(150);
    const beside = { x: at.x - 31, y: at.y - 10, width: 15, height: 30 };
    const seen = new Set<number>();
    for (let i = 0; i < 12; i += 1) seen.add(await countOf(page, beside, PALETTE.ground, 2));
    if (reducedMotion === 'reduce') expect(seen.size).toBe(1);
    else expect(seen.size).toBeGreaterThan(2);
  });
}

test('a vehicle that has fallen silent is hollow and shows its age', async ({ page, engine, address }) => {
  const view: View = { zoom: 18, at: place(0.6, 3.2) };
  const fireEngine = engine.world.vehicles[0]!;
  engine.world.waves = [];
  Object.assign(fireEngine, { lon: place(0.4, 3.4)[0], lat: place(0.4, 3.4)[1], age_ms: 12_000 });
  await page.goto(address + hash(view));
  const region = around(await onScreen(page, view, place(0.4, 3.4)), 17);
  await expect.poll(() => countOf(page, region, PALETTE.halo, 3)).toBeGreaterThan(120);
  expect(await countOf(page, region, PALETTE.wave)).toBeGreaterThan(20);
  expect(await countOf(page, region, PALETTE.wave)).toBeLessThan(250);
});

test('the wave is drawn: its route, and a promise at each signal ahead', async ({ page, engine, address }) => {
  const view: View = { zoom: 17, at: place(2.5, WAVE_ROW) };
  await page.goto(address + hash(view));
  const route = around(await onScreen(page, view, place(2.28, WAVE_ROW)), 6);
  await expect.poll(() => countOf(page, route, PALETTE.wave, 20)).toBeGreaterThan(10);
  const ahead = around(await onScreen(page, view, place(4, WAVE_ROW)), 60);
  await expect.poll(() => countOf(page, ahead, PALETTE.waveDeep, 20)).toBeGreaterThan(150);
  const refused = around(await onScreen(page, view, place(3, WAVE_ROW)), 60);
  expect(await countOf(page, refused, PALETTE.abnormal, 20)).toBeGreaterThan(100);
  engine.world.waves = [];
  await expect.poll(() => countOf(page, route, PALETTE.wave, 20)).toBe(0);
  await expect.poll(() => countOf(page, ahead, PALETTE.waveDeep, 20)).toBe(0);
});

test('a controller that is picked in the list comes to the centre of the map', async ({ page, address }) => {
  await page.goto(address);
  await page.getByRole('button', { name: /Park Street \/ First Avenue/ }).click();
  const [lon, lat] = place(0, 3);
  await expect(page).toHaveURL(new RegExp(`#18\\.00/${lat.toFixed(4)}\\d/${lon.toFixed(3)}`));
});

test('the map is moved and zoomed by keyboard', async ({ page, address }) => {
  await page.goto(address + hash(NEAR));
  await page.getByRole('application').focus();
  await page.keyboard.press('ArrowRight');
  await expect(page).not.toHaveURL(address + hash(NEAR));
  await page.keyboard.press('+');
  await expect(page).toHaveURL(/#19\.00\//);
});

test('attribution and the notice are always in sight', async ({ page, address }) => {
  await page.goto(address);
  await expect(page.getByText('© OpenStreetMap contributors, ODbL 1.0')).toBeInViewport();
  await expect(page.getByText('its controllers are fictional')).toBeInViewport();
});
