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

/** What a release of everything did so far. */
export interface Released {
  /** How many controllers held a call of ours when it was asked. */
  released: number;
  /** Those that no reading has yet shown free of our calls, by the model's ids. */
  unconfirmed: string[];
}

/** Takes back every request of ours. */
export async function releaseAll(): Promise<Released> {
  return released('POST');
}

/** Asks again until every controller shows that it let go, at most for so long; gives the last answer. */
export async function confirmReleased(first: Released, withinMs: number, everyMs = 250): Promise<Released> {
  const until = Date.now() + withinMs;
  let last = first;
  while (last.unconfirmed.length > 0 && Date.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, everyMs));
    // An answer that does not come confirms nothing.
    last = await released('GET').catch(() => last);
  }
  return last;
}

async function released(method: 'GET' | 'POST', timeoutMs = 10_000): Promise<Released> {
  const response = await fetch(apiUrl('release-all'), {
    method,
    headers: { 'content-type': 'application/json' },
    body: method === 'POST' ? '{}' : undefined,
    signal: AbortSignal.timeout(timeoutMs),
  });
  if (!response.ok) throw new ApiError(`The engine answered ${response.status}`);
  return (await response.json()) as Released;
}
