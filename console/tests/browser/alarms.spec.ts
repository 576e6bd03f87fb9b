import { edgeOf } from './pixels';
import { expect, test } from './watched';

const ALARMED_CONTROLLER = /Park Street \/ Third Avenue/;

test('alarms are counted in the list and shown at their controller', async ({ page, address }) => {
  await page.goto(address);
  const panel = page.getByRole('tabpanel');
  await expect(panel).toContainText('2 alarms');
  await expect(page.getByRole('tab', { name: /Controllers 3 need attention/ })).toBeVisible();
  const row = panel.getByRole('button', { name: ALARMED_CONTROLLER });
  await expect(row).toContainText('2 alarms, 1 not acknowledged');
  await row.click();
  const alarms = panel.getByRole('list', { name: 'Alarms' });
  const [safety, detector] = [alarms.getByRole('listitem').nth(0), alarms.getByRole('listitem').nth(1)];
  await expect(safety).toContainText('A0006 TC: safety fault');
  await expect(safety).toContainText('technical, priority 2 (next shift), since 11-22 11:58:00 UTC');
  await expect(safety).toContainText('active, not acknowledged');
  await expect(detector).toContainText('active, acknowledged');
  await expect(detector).toContainText('type loop');
  await expect(panel).toContainText('Our transit request (row 1) was rejected at 11:59:30 UTC');
  await expect(panel).toContainText('high priority fault');
});

test('what nobody acknowledged has the colour of what is abnormal, until somebody does', async ({
  page,
  engine,
  address,
}) => {
  await page.goto(address);
  const panel = page.getByRole('tabpanel');
  await panel.getByRole('button', { name: ALARMED_CONTROLLER }).click();
  const alarm = panel.getByRole('list', { name: 'Alarms' }).getByRole('listitem').first();
  const abnormal = await page.evaluate(() => {
    const style = getComputedStyle(document.documentElement);
    return style.getPropertyValue('--abnormal').trim();
  });
  const edge = () => edgeOf(alarm, 4, abnormal);
  expect(await edge()).toBeGreaterThan(60);
  await panel.getByRole('button', { name: 'Acknowledge A0006 of TC' }).click();
  await expect(alarm).toContainText('active, acknowledged');
  await expect(panel.getByRole('button', { name: ALARMED_CONTROLLER })).toContainText(/2 alarms$/);
  await expect.poll(edge).toBe(0);
  expect(engine.acts).toEqual([{ component: 'TC', code: 'A0006', action: 'acknowledge' }]);
});

test('a suspension needs a reason and has an end; it is resumed by one action', async ({ page, engine, address }) => {
  await page.goto(address);
  const panel = page.getByRole('tabpanel');
  await panel.getByRole('button', { name: ALARMED_CONTROLLER }).click();
  await panel.getByRole('button', { name: 'Suspend A0302 of DL1' }).click();
  const confirm = panel.getByRole('button', { name: 'Suspend', exact: true });
  await confirm.click();
  expect(engine.acts).toEqual([]);
  await panel.getByLabel('Reason of the suspension').fill('road works');
  await panel.getByLabel('How long').selectOption('1 h');
  await confirm.click();
  await expect(panel.getByRole('button', { name: ALARMED_CONTROLLER })).toContainText('1 suspended');
  await panel.getByRole('button', { name: 'Resume A0302 of DL1' }).click();
  await expect(panel.getByRole('button', { name: 'Suspend A0302 of DL1' })).toBeVisible();
  expect(engine.acts).toEqual([
    { component: 'DL1', code: 'A0302', action: 'suspend', reason: 'road works', lasts_s: 3600 },
    { component: 'DL1', code: 'A0302', action: 'resume' },
  ]);
});

test('a site that has gone says so', async ({ page, engine, address }) => {
  engine.siteAway = true;
  await page.goto(address);
  const panel = page.getByRole('tabpanel');
  await panel.getByRole('button', { name: ALARMED_CONTROLLER }).click();
  await panel.getByRole('button', { name: 'Acknowledge A0006 of TC' }).click();
  await expect(panel.getByRole('status')).toContainText('the site is not connected');
});
