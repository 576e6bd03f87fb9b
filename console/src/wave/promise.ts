/** What the page says of one signal of a wave. */
import type { WaveSignal } from '../api/types';
import { remainingS } from '../live/clock';

/** How a promise is drawn: to come, given, behind us, or a thing to look at. */
export type Tone = 'coming' | 'granted' | 'done' | 'abnormal';

export interface Promised {
  text: string;
  tone: Tone;
}

const ABNORMAL: Record<string, string> = {
  'not armed': 'not armed',
  rejected: 'refused',
  timeout: 'timed out',
  stale: 'given up',
};

/** The word that people read for a state of a request (RSMP S0033). */
export function stateWord(state: string): string {
  const words: Record<string, string> = {
    ...ABNORMAL,
    planned: 'planned',
    received: 'asked',
    queued: 'waiting',
    activated: 'granted',
    completed: 'passed',
    cooldown: 'cooling down',
  };
  return words[state] ?? state;
}

/** Whole seconds that are still to come, never below zero. */
function secondsLeft(inS: number, arrivedAt: number, now: number): number {
  return Math.max(0, Math.ceil(remainingS(inS, arrivedAt, now)));
}

/** The promise of a signal whose wave arrived at `arrivedAt`, as it stands at `now`. */
export function promised(signal: WaveSignal, arrivedAt: number, now: number): Promised {
  const abnormal = ABNORMAL[signal.state];
  if (abnormal) return { text: abnormal, tone: 'abnormal' };
  if (signal.state === 'completed' || signal.state === 'cooldown') return { text: 'passed', tone: 'done' };
  const granted = signal.state === 'activated';
  if (signal.green_in_s === null || signal.green_in_s === undefined) {
    return { text: stateWord(signal.state), tone: granted ? 'granted' : 'coming' };
  }
  const greenS = secondsLeft(signal.green_in_s, arrivedAt, now);
  if (greenS > 0) return { text: `green in ${greenS} s`, tone: granted ? 'granted' : 'coming' };
  // "Green" is said only of a request that the controller itself shows as served.
  return granted ? { text: 'green now', tone: 'granted' } : { text: 'green due', tone: 'coming' };
}
