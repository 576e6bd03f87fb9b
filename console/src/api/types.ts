/**
 * The wire types of `docs/api.md`. Units stand in the names: `_s` seconds, `_ms` milliseconds,
 * `_us` microseconds, `_mps` metres a second, `_deg` degrees clockwise from north.
 */

/** Longitude and latitude in degrees, WGS 84. */
export type LonLat = [lon: number, lat: number];

/** One directed stretch of road or track. */
export interface NetworkLink {
  id: number;
  street: string;
  uses: string[];
  line: LonLat[];
  /** Lanes in this direction. */
  lanes?: number;
  /** Free speed. */
  speed_mps?: number;
}

export type HeadKind = 'vehicle' | 'tram' | 'bicycle' | 'pedestrian';

/** One signal head to draw: at the end of an approach, facing along it. */
export interface Head {
  group: number;
  kind: HeadKind;
  lon: number;
  lat: number;
  heading_deg: number;
}

export interface NetworkController {
  id: number;
  name: string;
  title: string;
  protocol: string;
  /** Whether the binding has a channel for transit priority. */
  priority: boolean;
  lon: number;
  lat: number;
  groups: string[];
  heads: Head[];
}

export interface NetworkStop {
  name: string;
  lon: number;
  lat: number;
}

/** `GET /api/network`: what does not change while the engine runs. */
export interface Network {
  name: string;
  notice: string;
  attribution: string;
  /** West, south, east, north in degrees. */
  bounds: [number, number, number, number];
  links: NetworkLink[];
  controllers: NetworkController[];
  stops: NetworkStop[];
}

/** What a signal group shows: green or walk, yellow, red, pedestrian clearance, not known. */
export type Aspect = 'G' | 'Y' | 'R' | 'C' | '?';

export interface Preempt {
  row: number;
  kind: string;
  ours: boolean;
  state: string;
}

export interface ControllerLive {
  id: number;
  link: string;
  armed: boolean;
  why: string | null;
  mode: string;
  /** Of the last reading; null before the first. */
  age_ms: number | null;
  /** One letter for each group, in the order of the network's `groups`. */
  aspects: string;
  preempt: Preempt | null;
  /** Absent where no alarm asks for attention. */
  alarm_count?: AlarmCount;
  /** What the site's aggregated status says, or whether the unit is coordinated. */
  condition?: string[];
  /** What became of requests and emergency routes there, or what unit it is, in sentences. */
  remarks?: string[];
}

/** How many alarms of a controller ask for attention. */
export interface AlarmCount {
  active: number;
  unacknowledged: number;
  suspended: number;
  /** The most urgent of the active ones, 1 is the highest. */
  priority: number | null;
}

export interface VehicleLive {
  id: string;
  class: string;
  label: string;
  lon: number;
  lat: number;
  /** Null where the feed does not tell. */
  heading_deg: number | null;
  speed_mps: number | null;
  age_ms: number;
  /** Positive is late; null where there is no timetable. */
  lateness_s: number | null;
  priority: string | null;
}

export interface WaveSignal {
  controller: number;
  title: string;
  state: string;
  call_in_s: number | null;
  arrive_in_s: number | null;
  green_in_s: number | null;
  release_in_s: number | null;
  probability: number | null;
  explain: string | null;
}

export interface Wave {
  mission: string;
  vehicle: string;
  label: string;
  duty: string;
  state: string;
  eta_s: number | null;
  route: LonLat[];
  explain: string | null;
  signals: WaveSignal[];
}

export interface Feed {
  name: string;
  age_ms: number | null;
  accepted: number;
  rejected: number;
  reasons: Record<string, number>;
}

export interface LiveEvent {
  seq: number;
  at: string;
  severity: string;
  text: string;
}

export interface EngineFigures {
  state: string;
  shadow_why: string | null;
  fix_to_command_us: { p50: number | null; p99: number | null } | null;
  commands_sent: number;
  commands_confirmed: number;
}

/** The simulated city of `clearway demo`. */
export interface Demo {
  at_s: number;
  speed: number;
  headline: string;
  /** Longitude, latitude, heading of each simulated car. */
  cars: [number, number, number][];
}

/** One message of `/api/live`. */
export interface LiveMessage {
  type: 'snapshot' | 'delta';
  seq: number;
  server_time: string;
  engine?: EngineFigures | null;
  controllers?: ControllerLive[] | null;
  vehicles?: VehicleLive[] | null;
  removed_vehicles?: string[] | null;
  waves?: Wave[] | null;
  feeds?: Feed[] | null;
  events?: LiveEvent[] | null;
  demo?: Demo | null;
}
