import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import type { Page } from '@playwright/test';

import { expect, test } from './watched';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

// The page's policy forbids foreign scripts, axe's among them.
test.use({ bypassCSP: true });

/** What axe finds, as `rule: element` lines. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  return page.evaluate(async (tags) => {
    type Found = { id: string; nodes: { target: string[] }[] };
    const { axe } = globalThis as unknown as { axe: { run(o: object): Promise<{ violations: Found[] }> } };
    const result = await axe.run({ runOnly: { type: 'tag', values: tags } });
    return result.violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target.join(' ')}`));
  }, TAGS);
}

for (const [width, height] of [
  [1280, 800],
  [1920, 1080],
] as const) {
  test(`no violation of WCAG 2.2 AA at ${width} × ${height}`, async ({ page, engine, address }) => {
    await page.setViewportSize({ width, height });
    await page.goto(address);
    await expect(page.getByRole('button', { name: /age of the data/ })).toContainText('Connected');
    for (const tab of ['Controllers', 'Trams', 'Feeds', 'Engine']) {
      await page.getByRole('tab', { name: tab }).click();
      expect(await violations(page), tab).toEqual([]);
    }
    await page.getByText('Legend').click();
    await page.getByRole('tab', { name: 'Controllers' }).click();
    await page.getByRole('tabpanel').getByRole('button').first().click();
    expect(await violations(page), 'legend and details').toEqual([]);
    await page.getByRole('button', { name: 'Release all' }).click();
    expect(await violations(page), 'dialog').toEqual([]);
    await page.keyboard.press('Escape');
    engine.silence();
    await expect(page.getByRole('alert')).toContainText('Link lost');
    expect(await violations(page), 'link lost').toEqual([]);
  });

  test(`nothing is cut off at ${width} × ${height}`, async ({ page, address }) => {
    await page.setViewportSize({ width, height });
    await page.goto(address);
    await expect(page.getByRole('application')).toBeVisible();
    const overflow = await page.evaluate(() => ({
      x: document.documentElement.scrollWidth - innerWidth,
      y: document.documentElement.scrollHeight - innerHeight,
    }));
    expect(overflow).toEqual({ x: 0, y: 0 });
    for (const region of ['Active waves', 'Details', 'Events', 'Map']) {
      await expect(page.getByRole('region', { name: region, exact: true })).toBeInViewport({ ratio: 1 });
    }
  });
}

test('everything to press is reached by keyboard, with a focus to see', async ({ page, address }) => {
  await page.goto(address);
  await expect(page.getByRole('application')).toBeVisible();
  const reached = new Set<string>();
  for (let i = 0; i < 30; i += 1) {
    await page.keyboard.press('Tab');
    const { name, outline } = await page.evaluate(() => {
      const at = document.activeElement as HTMLElement;
      return { name: at.getAttribute('aria-label') ?? at.innerText.trim(), outline: getComputedStyle(at).outlineStyle };
    });
    expect(outline, name).toBe('solid');
    reached.add(name);
  }
  const names = [...reached].join('\n');
  for (const wanted of [
    'Connected',
    'Release all',
    'Map of grid',
    'Zoom in',
    'Whole network',
    'Follow wave',
    'Legend',
    'HEL101',
    'Controllers',
  ]) {
    expect(names).toContain(wanted);
  }
});
