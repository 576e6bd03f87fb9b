/** What the panels show, made from the live state a few times a second; pure, so that it is tested. */
import type {
  ControllerLive,
  Demo,
  EngineFigures,
  Feed,
  LiveEvent,
  Network,
  NetworkController,
  VehicleLive,
  Wave,
  WaveSignal,
} from '../api/types';
import { plural } from '../format';
import { ageMs, isStale, remainingS } from '../live/clock';
import type { LiveState, Timed } from '../live/state';
import { promised, stateWord, type Promised } from '../wave/promise';

export interface SignalRow {
  controller: number;
  title: string;
  promise: Promised;
  state: string;
  callS: number | null;
  arriveS: number | null;
  greenS: number | null;
  releaseS: number | null;
  probability: number | null;
  explain: string | null;
}

export interface WaveRow {
  mission: string;
  vehicle: string;
  label: string;
  duty: string;
  state: string;
  etaS: number | null;
  explain: string | null;
  signals: SignalRow[];
  passed: number;
}

/** How much a controller asks for the operator's eye. */
export type Attention = 'fault' | 'alarm' | 'foreign' | 'ours' | 'none';

export interface ControllerRow {
  id: number;
  title: string;
  name: string;
  protocol: string;
  priority: boolean;
  groups: string[];
  live: ControllerLive | null;
  ageMs: number | null;
  stale: boolean;
  attention: Attention;
  words: string;
  /** `2 alarms, 1 not acknowledged`; empty where none asks for attention. */
  alarms: string;
}

export interface TransitRow {
  vehicle: VehicleLive;
  ageMs: number;
  stale: boolean;
}

export interface FeedRow {
  feed: Feed;
  ageMs: number | null;
  reasons: [string, number][];
}

export interface View {
  engine: EngineFigures | null;
  waves: WaveRow[];
  controllers: ControllerRow[];
  transit: TransitRow[];
  feeds: FeedRow[];
  events: LiveEvent[];
  demo: Demo | null;
  demoAtS: number;
  /** Since the last message; null before the first. */
  dataAgeMs: number | null;
  armed: number;
  faults: number;
  /** Alarms that are active and not suspended, of all controllers. */
  alarms: number;
  /** Controllers that need looking at: faults, and alarms that nobody acknowledged. */
  pressing: number;
  rejected: number;
}

/** The latest events come first, and this many at most. */
export const EVENTS_SHOWN = 60;

function signalRow(signal: WaveSignal, at: number, now: number): SignalRow {
  const left = (inS: number | null | undefined) =>
    inS === null || inS === undefined ? null : remainingS(inS, at, now);
  return {
    controller: signal.controller,
    title: signal.title,
    promise: promised(signal, at, now),
    state: stateWord(signal.state),
    callS: left(signal.call_in_s),
    arriveS: left(signal.arrive_in_s),
    greenS: left(signal.green_in_s),
    releaseS: left(signal.release_in_s),
    probability: signal.probability ?? null,
    explain: signal.explain ?? null,
  };
}

function waveRow(wave: Wave, at: number, now: number): WaveRow {
  const signals = wave.signals.map((signal) => signalRow(signal, at, now));
  return {
    mission: wave.mission,
    vehicle: wave.vehicle,
    label: wave.label,
    duty: wave.duty,
    state: wave.state,
    etaS: wave.eta_s === null || wave.eta_s === undefined ? null : Math.max(0, remainingS(wave.eta_s, at, now)),
    explain: wave.explain ?? null,
    signals,
    passed: signals.filter(({ promise }) => promise.tone === 'done').length,
  };
}

/** Modes in which a controller does not run its plan. */
const OUT_OF_ORDER = new Set(['flash', 'dark', 'fault', 'manual']);

/** Whether and why a controller needs looking at, and the words for its state. */
export function judge(live: ControllerLive | null, stale: boolean): { attention: Attention; words: string } {
  if (!live) return { attention: 'fault', words: 'nothing heard yet' };
  if (live.link !== 'up') return { attention: 'fault', words: `link ${live.link}` };
  if (live.age_ms === null) return { attention: 'fault', words: 'nothing heard yet' };
  if (stale) return { attention: 'fault', words: 'no recent reading' };
  if (!live.armed) return { attention: 'fault', words: `not armed: ${live.why ?? 'no reason given'}` };
  if (OUT_OF_ORDER.has(live.mode)) return { attention: 'fault', words: `mode ${live.mode}` };
  const { preempt } = live;
  if (live.alarm_count?.unacknowledged)
    return { attention: 'alarm', words: live.mode === 'normal' ? 'armed' : `armed, ${live.mode}` };
  if (preempt && !preempt.ours)
    return { attention: 'foreign', words: `${preempt.kind} preempt ${preempt.row} (not ours): ${preempt.state}` };
  if (preempt) return { attention: 'ours', words: `our ${preempt.kind} preempt ${preempt.row}: ${preempt.state}` };
  return { attention: 'none', words: live.mode === 'normal' ? 'armed' : `armed, ${live.mode}` };
}

const ORDER: Record<Attention, number> = { fault: 0, alarm: 1, foreign: 2, ours: 3, none: 4 };

/** How many alarms a controller has; suspended ones are counted apart. */
export function alarmWords(live: ControllerLive | null): string {
  const count = live?.alarm_count;
  if (!count) return '';
  const { active, unacknowledged, suspended } = count;
  const told = [
    active ? plural(active, 'alarm') : '',
    unacknowledged ? `${unacknowledged} not acknowledged` : '',
    suspended ? `${suspended} suspended` : '',
  ];
  return told.filter((words) => words).join(', ');
}

function controllerRow(
  controller: NetworkController,
  timed: Timed<ControllerLive> | undefined,
  now: number,
): ControllerRow {
  const live = timed?.value ?? null;
  const stale = timed !== undefined && isStale(timed, now);
  const { id, title, name, protocol, priority, groups } = controller;
  const age = timed && timed.value.age_ms !== null ? ageMs(timed, now) : null;
  const alarms = alarmWords(live);
  return { id, title, name, protocol, priority, groups, live, ageMs: age, stale, alarms, ...judge(live, stale) };
}

function transitRows(live: LiveState, now: number): TransitRow[] {
  return [...live.vehicles.values()]
    .filter(({ value }) => value.class !== 'emergency')
    .map((timed) => ({ vehicle: timed.value, ageMs: ageMs(timed, now), stale: isStale(timed, now) }))
    .sort(
      (a, b) =>
        a.vehicle.label.localeCompare(b.vehicle.label, 'en', { numeric: true }) ||
        a.vehicle.id.localeCompare(b.vehicle.id),
    );
}

function feedRow(feed: Feed, at: number, now: number): FeedRow {
  const age = feed.age_ms === null ? null : ageMs({ value: feed, at }, now);
  const reasons = Object.entries(feed.reasons ?? {}).sort((a, b) => b[1] - a[1]);
  return { feed, ageMs: age, reasons };
}

/** The panels' view of the live state at `now`. Controllers that need attention come first. */
export function summarise(network: Network, live: LiveState, now: number): View {
  const controllers = network.controllers
    .map((controller) => controllerRow(controller, live.controllers.get(controller.id), now))
    .sort((a, b) => ORDER[a.attention] - ORDER[b.attention] || a.title.localeCompare(b.title) || a.id - b.id);
  const feeds = live.feeds.value.map((feed) => feedRow(feed, live.feeds.at, now));
  return {
    engine: live.engine,
    waves: live.waves.value.map((wave) => waveRow(wave, live.waves.at, now)),
    controllers,
    transit: transitRows(live, now),
    feeds,
    events: live.events.slice(-EVENTS_SHOWN).reverse(),
    demo: live.demo?.value ?? null,
    demoAtS: live.demo?.value.at_s ?? 0,
    dataAgeMs: live.lastAt === null ? null : Math.max(0, now - live.lastAt),
    armed: controllers.filter((row) => row.live?.armed).length,
    faults: controllers.filter((row) => row.attention === 'fault').length,
    alarms: controllers.reduce((sum, { live: told }) => sum + (told?.alarm_count?.active ?? 0), 0),
    pressing: controllers.filter((row) => row.attention === 'fault' || row.attention === 'alarm').length,
    rejected: feeds.reduce((sum, { feed }) => sum + feed.rejected, 0),
  };
}
