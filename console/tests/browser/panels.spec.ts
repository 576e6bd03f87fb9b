import { expect, test } from './watched';

test('the wave panel counts the promised times down between messages', async ({ page, address }) => {
  await page.goto(address);
  const waves = page.getByRole('region', { name: 'Active waves' });
  await expect(waves).toContainText('HEL101');
  const third = waves.getByRole('button', { name: /Station Street \/ Third Avenue/ });
  await expect(third).toContainText(/green in (1[012]|9) s/);
  await expect(third).toContainText(/green in [5678] s/, { timeout: 8_000 });
  await expect(third).toContainText('granted');
  await expect(waves.getByRole('button', { name: /Second Avenue/ })).toContainText('green now');
  await expect(waves).toContainText('1 of 5 signals passed');
});

test('a controller that is not armed comes first and says why', async ({ page, address }) => {
  await page.goto(address);
  const rows = page.getByRole('tabpanel').getByRole('button');
  await expect(rows.filter({ hasText: 'Fourth Avenue' }).first()).toContainText(
    'not armed: backup timer is 600 s, at most 300 s is allowed',
  );
  await expect(rows.nth(0)).toContainText('link down');
  await expect(rows.filter({ hasText: 'rail preempt 1 (not ours): dwell' })).toHaveCount(1);
  await expect(rows.filter({ hasText: 'our emergency preempt 3: entry' })).toHaveCount(1);
});

test('a feed shows what it rejected, by reason', async ({ page, engine, address }) => {
  await page.goto(address);
  await page.getByRole('tab', { name: 'Feeds' }).click();
  const panel = page.getByRole('tabpanel');
  await expect(panel).toContainText('3 rejected');
  await expect(panel).toContainText('stale 2');
  Object.assign(engine.world.feeds[0]!, { rejected: 9, reasons: { stale: 8, 'outside the area': 1 } });
  await expect(panel).toContainText('9 rejected');
  await expect(panel).toContainText('stale 8');
});

test('trams show lateness and what became of their priority', async ({ page, address }) => {
  await page.goto(address);
  await page.getByRole('tab', { name: 'Trams' }).click();
  const row = (line: string) =>
    page.getByRole('row').filter({ has: page.getByRole('button', { name: `line ${line} ` }) });
  await expect(row('4')).toContainText('+2:10');
  await expect(row('4')).toContainText('granted');
  await expect(row('7')).toContainText('on time');
  await expect(row('10')).toContainText('no channel');
});

test('closures and what lines do around them stand above the trams', async ({ page, address }) => {
  await page.goto(address);
  await page.getByRole('tab', { name: 'Trams' }).click();
  const list = page.getByRole('list', { name: 'Incidents' });
  await expect(list.getByRole('listitem')).toHaveCount(2);
  await expect(list).toContainText('nothing is closed yet');
  await expect(list).toContainText('Line 4 to Harbour goes around Long Street');
  await expect(page.getByRole('button', { name: 'Close links: Case 17: dwelling fire' })).toBeVisible();
});

test('tabs are moved by arrow keys', async ({ page, address }) => {
  await page.goto(address);
  await page.getByRole('tab', { name: 'Controllers' }).focus();
  await page.keyboard.press('ArrowRight');
  await expect(page.getByRole('tab', { name: 'Trams' })).toBeFocused();
  await page.keyboard.press('End');
  await expect(page.getByRole('tabpanel')).toContainText('Confirmed by read-back');
});

test('a new event is announced, the latest first', async ({ page, engine, address }) => {
  await page.goto(address);
  const log = page.getByRole('log');
  await expect(log.getByRole('listitem')).toHaveCount(2);
  engine.world.events.push({ seq: 3, at: '2026-11-22T12:00:05.000Z', severity: 'info', text: 'HEL101 has passed' });
  await expect(log.getByRole('listitem').first()).toContainText('HEL101 has passed');
});

test('release all needs two actions, and the harmless one has the focus', async ({ page, engine, address }) => {
  await page.goto(address);
  const ask = page.getByRole('button', { name: 'Release all' });
  await ask.click();
  const dialog = page.getByRole('dialog');
  await expect(dialog.getByRole('button', { name: 'Cancel' })).toBeFocused();
  await expect(dialog).toContainText('2 controllers show a request of ours');
  await page.keyboard.press('Escape');
  await expect(dialog).toBeHidden();
  expect(engine.releases).toBe(0);

  await ask.click();
  await dialog.getByRole('button', { name: 'Release all' }).click();
  await expect(page.getByText('Released: 2 requests, all confirmed.')).toBeVisible();
  expect(engine.releases).toBe(1);
});

test('release all names the controllers that do not confirm', async ({ page, engine, address }) => {
  engine.unconfirmed = ['c1', 'c2'];
  await page.goto(address);
  await page.getByRole('button', { name: 'Release all' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Release all' }).click();
  await expect(page.getByText('Releasing 2 requests…')).toBeVisible();
  engine.unconfirmed = ['c2'];
  // Asking again meanwhile is not cut off by the first answer.
  await page.getByRole('button', { name: 'Release all' }).click();
  await expect(page.getByText('Not confirmed by c2: the timer of each ends its request.')).toBeVisible();
  await expect(page.getByRole('dialog')).toBeVisible();
});

test('the demo says that it is one', async ({ page, address }) => {
  await page.goto(address);
  await expect(page.getByRole('banner')).toContainText('Demo');
  await expect(page.getByRole('banner')).toContainText('Fire engine under way to a dwelling fire');
});
