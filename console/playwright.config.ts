import { defineConfig } from '@playwright/test';

/** With CLEARWAY_URL the page of that engine is tested, without it the built page and a mock engine. */
const live = process.env.CLEARWAY_URL !== undefined;

export default defineConfig({
  testDir: 'tests/browser',
  testMatch: live ? 'live.spec.ts' : /(?<!live)\.spec\.ts$/,
  outputDir: 'test-results',
  forbidOnly: true,
  fullyParallel: true,
  workers: 2,
  timeout: 60_000,
  expect: { timeout: 6_000 },
  reporter: 'list',
  use: {
    viewport: { width: 1280, height: 800 },
    screenshot: 'only-on-failure',
    launchOptions: {
      // The browser of the system; none is ever fetched.
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
});
