import { ApiError, apiUrl } from './client';

/** An alarm that is active, not acknowledged or suspended. */
export interface Alarm {
  component: string;
  code: string;
  text: string;
  category: 'technical' | 'traffic';
  /** 1: at once, 2: in the next shift, 3: at the next maintenance. */
  priority: number;
  active: boolean;
  acknowledged: boolean;
  suspended: boolean;
  since: string;
  suspended_until?: string;
  values?: [name: string, value: string][];
}

/** What an operator does about one. */
export type AlarmAct =
  { action: 'acknowledge' } | { action: 'resume' } | { action: 'suspend'; reason: string; lasts_s: number };

/** The alarms of a controller, the most pressing first. */
export async function fetchAlarms(controller: number, timeoutMs = 5_000): Promise<Alarm[]> {
  const response = await fetch(at(controller), { signal: AbortSignal.timeout(timeoutMs) });
  if (!response.ok) throw new ApiError(await why(response));
  return (await response.json()) as Alarm[];
}

/** Does something about an alarm; the controller's alarms after it. */
export async function actOnAlarm(
  controller: number,
  { component, code }: Alarm,
  act: AlarmAct,
  timeoutMs = 10_000,
): Promise<{ shown: boolean; alarms: Alarm[] }> {
  const response = await fetch(at(controller), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ component, code, ...act }),
    signal: AbortSignal.timeout(timeoutMs),
  });
  if (!response.ok) throw new ApiError(await why(response));
  return (await response.json()) as { shown: boolean; alarms: Alarm[] };
}

function at(controller: number): URL {
  return apiUrl(`controllers/${controller}/alarms`);
}

/** The reason that the engine gives, or its status where it gives none. */
async function why(response: Response): Promise<string> {
  const body = (await response.json().catch(() => ({}))) as { error?: string };
  return body.error ?? `The engine answered ${response.status}`;
}
