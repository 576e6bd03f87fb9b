import type { Network } from './types';

/** The answer of an engine that is not as the contract says, or none at all. */
export class ApiError extends Error {}

/** The absolute address of a path of the API, beside the page whatever path that is served from. */
export function apiUrl(path: string, base: string = document.baseURI): URL {
  return new URL(`api/${path}`, base);
}

/** The address of the live feed. */
export function liveUrl(base: string = document.baseURI): URL {
  const url = apiUrl('live', base);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url;
}

/** The map, and its text to notice when the engine comes back with another one. */
export async function fetchNetwork(timeoutMs = 10_000): Promise<{ network: Network; text: string }> {
  const response = await fetch(apiUrl('network'), { signal: AbortSignal.timeout(timeoutMs) });
  if (!response.ok) throw new ApiError(`The engine answered ${response.status} for the map`);
  const text = await response.text();
  return { network: JSON.parse(text) as Network, text };
}

/** Takes back every request of ours; gives how many there were. */
export async function releaseAll(timeoutMs = 10_000): Promise<number> {
  const response = await fetch(apiUrl('release-all'), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
    signal: AbortSignal.timeout(timeoutMs),
  });
  if (!response.ok) throw new ApiError(`The engine answered ${response.status}`);
  const { released } = (await response.json()) as { released?: number };
  return released ?? 0;
}
