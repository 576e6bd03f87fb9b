/**
 * Vehicles between two reports: each one glides from where it was shown to where it was last
 * reported, in the time that reports of it take to come. Nothing is extrapolated: a vehicle that
 * is silent stands still and ages.
 */

/** A place in map units (EPSG:3857) and a heading in degrees clockwise from north, where it is known. */
export interface Pose {
  x: number;
  y: number;
  heading: number | null;
}

const GLIDE_MIN_MS = 80;
const GLIDE_MAX_MS = 1_500;
/** A report farther away than this, in map units, is a jump and not a movement. */
const JUMP_UNITS = 400;

interface Glide {
  from: Pose;
  to: Pose;
  start: number;
  duration: number;
}

/** The heading a share `t` of the shorter way round from `a` to `b`; `b` where either is not known. */
export function turn(a: number | null, b: number | null, t: number): number | null {
  if (a === null || b === null) return b;
  const way = ((((b - a) % 360) + 540) % 360) - 180;
  return (a + way * t + 360) % 360;
}

/** Where a glide stands at `now`. */
function poseOf({ from, to, start, duration }: Glide, now: number): Pose {
  const t = Math.min(1, Math.max(0, (now - start) / duration));
  return {
    x: from.x + (to.x - from.x) * t,
    y: from.y + (to.y - from.y) * t,
    heading: turn(from.heading, to.heading, t),
  };
}

export class Motion {
  private readonly glides = new Map<string, Glide>();

  /** Takes a report that arrived at `now`. A report of the same place changes nothing. */
  observe(id: string, to: Pose, now: number): void {
    const last = this.glides.get(id);
    if (!last || Math.hypot(to.x - last.to.x, to.y - last.to.y) > JUMP_UNITS) {
      this.glides.set(id, { from: to, to, start: now, duration: GLIDE_MIN_MS });
      return;
    }
    if (to.x === last.to.x && to.y === last.to.y && to.heading === last.to.heading) return;
    const duration = Math.min(GLIDE_MAX_MS, Math.max(GLIDE_MIN_MS, now - last.start));
    this.glides.set(id, { from: poseOf(last, now), to, start: now, duration });
  }

  /** Where to draw the vehicle at `now`. */
  pose(id: string, now: number): Pose | undefined {
    const glide = this.glides.get(id);
    return glide && poseOf(glide, now);
  }

  /** Forgets every vehicle that is not in `alive`. */
  retain(alive: { has(id: string): boolean }): void {
    for (const id of this.glides.keys()) if (!alive.has(id)) this.glides.delete(id);
  }
}
