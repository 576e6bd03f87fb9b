import { ApiError, apiUrl } from './client';

/** What a line, or one vehicle of it, does around closed links. */
export interface Decision {
  line: string;
  direction: number;
  vehicle: string | null;
  action: 'detour' | 'short_turn' | 'hold';
  explain: string;
}

/** Closed links, and what is decided around them. */
export interface Incident {
  id: number;
  title: string;
  state: 'proposed' | 'active' | 'ended';
  until: string | null;
  decisions: Decision[];
}

/** Every incident that is not over, the newest first. */
export async function fetchIncidents(timeoutMs = 5_000): Promise<Incident[]> {
  const response = await fetch(apiUrl('incidents'), { signal: AbortSignal.timeout(timeoutMs) });
  if (!response.ok) throw new ApiError(`The engine answered ${response.status} for the incidents`);
  return open((await response.json()) as Incident[]);
}

/** Those that are not over. */
export function open(incidents: Incident[]): Incident[] {
  return incidents.filter(({ state }) => state !== 'ended');
}

/** Closes what is proposed. */
export async function confirmIncident(id: number): Promise<void> {
  await ask(`incidents/${id}/confirm`, 'POST');
}

/** Opens its links again. */
export async function endIncident(id: number): Promise<void> {
  await ask(`incidents/${id}`, 'DELETE');
}

async function ask(path: string, method: string, timeoutMs = 10_000): Promise<void> {
  const response = await fetch(apiUrl(path), { method, signal: AbortSignal.timeout(timeoutMs) });
  if (!response.ok) throw new ApiError(`The engine answered ${response.status}`);
}
