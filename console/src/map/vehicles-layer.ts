/** Vehicles on their way: trams with line and lateness, the fire engine, the demo's cars. */
import { fromLonLat } from 'ol/proj';

import type { VehicleLive } from '../api/types';
import * as format from '../format';
import { ageMs, isStale } from '../live/clock';
import type { Motion, Pose } from '../live/motion';
import type { LiveState, Timed } from '../live/state';
import type { Canvas, Painter } from './canvas-layer';
import { font, PALETTE } from './palette';

/** Lateness is written beside a tram from this on, and up to this scale. */
const LATE_FROM_S = 60;
const LATE_BELOW_MPP = 3.5;
const PULSE_MS = 1_600;

export interface VehicleOptions {
  cars: boolean;
  /** Whether things may pulse (`prefers-reduced-motion`). */
  animate: boolean;
}

function rotated(ctx: CanvasRenderingContext2D, px: number, py: number, headingDeg: number, draw: () => void): void {
  ctx.save();
  ctx.translate(px, py);
  ctx.rotate((headingDeg * Math.PI) / 180);
  draw();
  ctx.restore();
}

/** A text on a small plate, its centre at the point given. */
function plate(ctx: CanvasRenderingContext2D, text: string, px: number, py: number, ink: string): void {
  ctx.font = font(11, 600);
  ctx.textAlign = 'center';
  ctx.textBaseline = 'middle';
  const width = ctx.measureText(text).width + 8;
  ctx.beginPath();
  ctx.roundRect(px - width / 2, py - 8, width, 16, 4);
  ctx.fillStyle = 'rgba(255, 255, 255, 0.92)';
  ctx.fill();
  ctx.fillStyle = ink;
  ctx.fillText(text, px, py + 0.5);
}

/** Cars of the simulated city: small, and no colour. */
function paintCars(canvas: Canvas, cars: [number, number, number][]): void {
  const { ctx, metresPerPixel } = canvas;
  const radius = Math.min(3.4, Math.max(1.1, 2 / metresPerPixel));
  ctx.fillStyle = PALETTE.car;
  ctx.beginPath();
  for (const [lon, lat] of cars) {
    const [x = 0, y = 0] = fromLonLat([lon, lat]);
    const [px, py] = canvas.px(x, y);
    if (!canvas.visible(px, py, 4)) continue;
    ctx.moveTo(px + radius, py);
    ctx.arc(px, py, radius, 0, 2 * Math.PI);
  }
  ctx.fill();
}

/** A tram or bus: an upright box with its line, and a nose that points where it goes. */
function paintTransit(canvas: Canvas, vehicle: VehicleLive, pose: Pose, stale: string | null): void {
  const { ctx, metresPerPixel } = canvas;
  const [px, py] = canvas.px(pose.x, pose.y);
  if (!canvas.visible(px, py)) return;
  const color = vehicle.priority === 'granted' ? PALETTE.tramGranted : PALETTE.tram;
  ctx.font = font(11, 700);
  const width = Math.max(20, ctx.measureText(vehicle.label).width + 10);
  const [half, height] = [width / 2, 18];
  ctx.lineWidth = 1.5;
  ctx.strokeStyle = stale ? color : PALETTE.paper;
  ctx.fillStyle = stale ? PALETTE.halo : color;
  if (stale) ctx.setLineDash([3, 2]);
  rotated(ctx, px, py, pose.heading, () => {
    const tip = half + 7;
    ctx.beginPath();
    ctx.moveTo(0, -tip);
    ctx.lineTo(5, -tip + 8);
    ctx.lineTo(-5, -tip + 8);
    ctx.closePath();
    ctx.stroke();
    ctx.fill();
  });
  ctx.beginPath();
  ctx.roundRect(px - half, py - height / 2, width, height, vehicle.class === 'bus' ? 2 : 6);
  ctx.fill();
  ctx.stroke();
  ctx.setLineDash([]);
  ctx.fillStyle = stale ? color : PALETTE.paper;
  ctx.textAlign = 'center';
  ctx.textBaseline = 'middle';
  ctx.fillText(vehicle.label, px, py + 0.5);
  const late = vehicle.lateness_s;
  if (stale) plate(ctx, stale, px, py + 19, PALETTE.ink);
  else if (late !== null && Math.abs(late) >= LATE_FROM_S && metresPerPixel < LATE_BELOW_MPP) {
    plate(ctx, format.lateness(late), px, py + 19, late > 0 ? PALETTE.abnormal : PALETTE.ink);
  }
}

/** A soft ring that grows and fades, under three times in two seconds (WCAG 2.3.1). */
function paintPulse(ctx: CanvasRenderingContext2D, px: number, py: number, now: number): void {
  const t = (now % PULSE_MS) / PULSE_MS;
  ctx.beginPath();
  ctx.arc(px, py, 14 + 16 * t, 0, 2 * Math.PI);
  ctx.strokeStyle = `rgba(31, 95, 214, ${0.6 * (1 - t)})`;
  ctx.lineWidth = 3;
  ctx.stroke();
}

/** An emergency vehicle: a blue disc with an arrow in it, and its call sign. */
function paintEmergency(canvas: Canvas, vehicle: VehicleLive, pose: Pose, stale: string | null, animate: boolean): void {
  const { ctx, now } = canvas;
  const [px, py] = canvas.px(pose.x, pose.y);
  if (!canvas.visible(px, py, 60)) return;
  if (animate && !stale) paintPulse(ctx, px, py, now);
  ctx.beginPath();
  ctx.arc(px, py, 13, 0, 2 * Math.PI);
  ctx.fillStyle = stale ? PALETTE.halo : PALETTE.wave;
  ctx.fill();
  ctx.lineWidth = 2.5;
  ctx.strokeStyle = stale ? PALETTE.wave : PALETTE.paper;
  if (stale) ctx.setLineDash([4, 3]);
  ctx.stroke();
  ctx.setLineDash([]);
  rotated(ctx, px, py, pose.heading, () => {
    ctx.beginPath();
    ctx.moveTo(0, -8);
    ctx.lineTo(6, 6);
    ctx.lineTo(0, 3);
    ctx.lineTo(-6, 6);
    ctx.closePath();
    ctx.fillStyle = stale ? PALETTE.wave : PALETTE.paper;
    ctx.fill();
  });
  const name = stale ? `${vehicle.label} · ${stale}` : vehicle.label;
  plate(ctx, name, px, py - 25, PALETTE.waveDeep);
}

/** The age to write on a stale vehicle; null while its position is fresh. */
function staleText(timed: Timed<VehicleLive>, now: number): string | null {
  return isStale(timed, now) ? format.age(ageMs(timed, now)) : null;
}

/** Paints cars, then trams and buses, then emergency vehicles, so that these lie on top. */
export function vehiclePainter(live: LiveState, motion: Motion, options: VehicleOptions): Painter {
  return (canvas) => {
    if (live.demo && options.cars) paintCars(canvas, live.demo.value.cars);
    const emergencies: [Timed<VehicleLive>, Pose][] = [];
    for (const [id, timed] of live.vehicles) {
      const pose = motion.pose(id, canvas.now);
      if (!pose) continue;
      if (timed.value.class === 'emergency') emergencies.push([timed, pose]);
      else paintTransit(canvas, timed.value, pose, staleText(timed, canvas.now));
    }
    for (const [timed, pose] of emergencies) {
      paintEmergency(canvas, timed.value, pose, staleText(timed, canvas.now), options.animate);
    }
  };
}
