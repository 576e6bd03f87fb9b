/** What the mock engine would say at a moment: a plain object that a test changes by hand. */
import type {
  ControllerLive,
  Demo,
  EngineFigures,
  Feed,
  LiveEvent,
  LonLat,
  Network,
  VehicleLive,
  Wave,
  WaveSignal,
} from '../../src/api/types';
import { controllerAt, place, TRAM_ROW } from './network';

export interface World {
  engine: EngineFigures;
  controllers: ControllerLive[];
  vehicles: VehicleLive[];
  waves: Wave[];
  feeds: Feed[];
  events: LiveEvent[];
  demo: Demo | null;
}

/** The row that the fire engine drives along, eastwards. */
export const WAVE_ROW = 2;

/** The controller that has alarms. */
export const ALARMED = controllerAt(2, 3);

export function vehicle(id: string, at: LonLat, rest: Partial<VehicleLive> = {}): VehicleLive {
  const [lon, lat] = at;
  const still = { heading_deg: 90, speed_mps: 8, age_ms: 100, lateness_s: null, priority: null };
  return { id, class: 'tram', label: id, lon, lat, ...still, ...rest };
}

function controller(id: number): ControllerLive {
  return { id, link: 'up', armed: true, why: null, mode: 'normal', age_ms: 100, aspects: 'RRGGR', preempt: null };
}

function signal(network: Network, column: number, rest: Partial<WaveSignal>): WaveSignal {
  const id = controllerAt(column, WAVE_ROW);
  return {
    controller: id,
    title: network.controllers[id]?.title ?? '',
    state: 'planned',
    call_in_s: 1,
    arrive_in_s: 20,
    green_in_s: 12,
    release_in_s: 24,
    probability: 0.97,
    explain: null,
    ...rest,
  };
}

/** A wave over five signals of one street, in all the states that an operator must tell apart. */
function wave(network: Network): Wave {
  return {
    mission: 'case-1',
    vehicle: 'veh-1',
    label: 'HEL101',
    duty: 'Dwelling fire',
    state: 'active',
    eta_s: 84,
    route: [place(-0.5, WAVE_ROW), place(5, WAVE_ROW), place(5, 3.5)],
    explain: null,
    signals: [
      signal(network, 0, { state: 'completed', call_in_s: -30, arrive_in_s: -8, green_in_s: -22, release_in_s: -4 }),
      signal(network, 1, { state: 'activated', call_in_s: -9, arrive_in_s: 5, green_in_s: -1, release_in_s: 9 }),
      signal(network, 2, { state: 'activated', call_in_s: -4, arrive_in_s: 19, green_in_s: 12, release_in_s: 23 }),
      signal(network, 3, {
        state: 'not armed',
        probability: 0.31,
        green_in_s: null,
        call_in_s: null,
        release_in_s: null,
        arrive_in_s: 31,
        explain: 'Waits for the controller’s own green.',
      }),
      signal(network, 4, { state: 'planned', call_in_s: 18, arrive_in_s: 44, green_in_s: 36, release_in_s: 48 }),
    ],
  };
}

/** A busy moment in the grid. */
export function busyWorld(network: Network): World {
  const controllers = network.controllers.map(({ id }) => controller(id));
  const at = (column: number, row: number): ControllerLive => {
    const found = controllers[controllerAt(column, row)];
    if (!found) throw new Error(`no controller at ${column}, ${row}`);
    return found;
  };
  const preempt = { row: 3, kind: 'emergency', ours: true, state: 'dwell' };
  Object.assign(at(1, WAVE_ROW), { aspects: 'GGRRR', preempt });
  Object.assign(at(2, WAVE_ROW), { aspects: 'RRYYC', preempt: { ...preempt, state: 'entry' } });
  Object.assign(at(3, WAVE_ROW), { armed: false, why: 'backup timer is 600 s, at most 300 s is allowed' });
  Object.assign(at(4, 0), { preempt: { row: 1, kind: 'rail', ours: false, state: 'dwell' } });
  Object.assign(at(2, 3), {
    alarm_count: { active: 2, unacknowledged: 1, suspended: 0, priority: 2 },
    condition: ['high priority fault'],
    remarks: ['Our transit request (row 1) was rejected at 11:59:30 UTC: the controller cannot grant it.'],
  });
  Object.assign(at(0, 3), { link: 'down', aspects: '?????' });
  return {
    engine: {
      state: 'live',
      shadow_why: null,
      fix_to_command_us: { p50: 4.1, p99: 22 },
      commands_sent: 12,
      commands_confirmed: 12,
    },
    controllers,
    vehicles: [
      vehicle('veh-1', place(0.6, WAVE_ROW), { class: 'emergency', label: 'HEL101', speed_mps: 14 }),
      vehicle('tram-4', place(1.4, TRAM_ROW), { label: '4', lateness_s: 130, priority: 'granted' }),
      vehicle('tram-7', place(3.3, TRAM_ROW), { label: '7', lateness_s: 10, priority: 'none', heading_deg: 270 }),
      vehicle('tram-10', place(4.6, TRAM_ROW), { label: '10', lateness_s: 75, priority: 'no channel' }),
    ],
    waves: [wave(network)],
    feeds: [
      { name: 'hfp', age_ms: 90, accepted: 1512, rejected: 3, reasons: { stale: 2, 'outside the area': 1 } },
      { name: 'nmea', age_ms: 240, accepted: 310, rejected: 0, reasons: {} },
    ],
    events: [
      { seq: 1, at: '2026-11-22T12:00:00.000Z', severity: 'info', text: 'HEL101 is under way to a dwelling fire' },
      {
        seq: 2,
        at: '2026-11-22T12:00:02.000Z',
        severity: 'warning',
        text: 'Station Street / Fourth Avenue is not armed',
      },
    ],
    demo: { at_s: 42, speed: 1, headline: 'Fire engine under way to a dwelling fire', cars: [[...place(2.5, 2), 90]] },
  };
}
