import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

import { licences } from './licences';

/** The engine that `npm run dev` shows. */
const engine = process.env.CLEARWAY_URL ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [svelte(), licences()],
  // The service embeds the page and may serve it below any path.
  base: './',
  build: {
    target: 'es2022',
    // The Content-Security-Policy allows no inline script and no data: URL.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { host: '127.0.0.1', proxy: { '/api': { target: engine, ws: true } } },
  test: { include: ['src/**/*.test.ts'] },
});
