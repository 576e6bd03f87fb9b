/** Vehicles on their way: trams with line and lateness, the fire engine, the demo's cars. */
import { fromLonLat } from 'ol/proj';

import type { VehicleLive } from '../api/types';
import * as format from '../format';
import { ageMs, isStale } from '../live/clock';
import type { Motion, Pose } from '../live/motion';
import type { LiveState, Timed } from '../live/state';
import type { Canvas, Painter } from './canvas-layer';
import { font, PALETTE } from './palette';
import type { Sprites } from './sprites';

/** Lateness is written beside a tram from this on, and up to this scale. */
const LATE_FROM_S = 60;
const LATE_BELOW_MPP = 2.4;
const PULSE_MS = 1_600;
const BOX_HEIGHT = 18;
/** From the middle of a tram to the tip of its nose. */
const NOSE_PX = 18;

export interface VehicleOptions {
  cars: boolean;
  /** Whether things may pulse (`prefers-reduced-motion`). */
  animate: boolean;
}

/** Draws what points where a vehicle goes; nothing where that is not known. */
function rotated(
  ctx: CanvasRenderingContext2D,
  px: number,
  py: number,
  headingDeg: number | null,
  draw: () => void,
): void {
  if (headingDeg === null) return;
  ctx.save();
  ctx.translate(px, py);
  ctx.rotate((headingDeg * Math.PI) / 180);
  draw();
  ctx.restore();
}

/** A text on a small plate, its centre at the point given. */
function plate(canvas: Canvas, sprites: Sprites, text: string, px: number, py: number, ink: string): void {
  const face = font(11, 600);
  sprites.put(
    canvas.ctx,
    `plate ${text} ${ink}`,
    [px, py],
    () => [Math.ceil(sprites.measure(text, face)) + 10, 18],
    (ctx, width, height) => {
      ctx.beginPath();
      ctx.roundRect(1, 1, width - 2, height - 2, 4);
      ctx.fillStyle = 'rgba(255, 255, 255, 0.92)';
      ctx.fill();
      label(ctx, text, face, ink, width, height);
    },
  );
}

/** A text in the middle of a picture. */
function label(
  ctx: CanvasRenderingContext2D,
  text: string,
  face: string,
  ink: string,
  width: number,
  height: number,
): void {
  ctx.font = face;
  ctx.textAlign = 'center';
  ctx.textBaseline = 'middle';
  ctx.fillStyle = ink;
  ctx.fillText(text, width / 2, height / 2 + 0.5);
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

/** The box of a tram or bus with its line. */
function box(
  canvas: Canvas,
  sprites: Sprites,
  vehicle: VehicleLive,
  px: number,
  py: number,
  color: string,
  stale: boolean,
): void {
  const face = font(11, 700);
  const corner = vehicle.class === 'bus' ? 2 : 6;
  sprites.put(
    canvas.ctx,
    `box ${vehicle.label} ${color} ${corner} ${stale}`,
    [px, py],
    () => [Math.max(20, Math.ceil(sprites.measure(vehicle.label, face)) + 10) + 2, BOX_HEIGHT + 2],
    (ctx, width, height) => {
      ctx.lineWidth = 1.5;
      ctx.strokeStyle = stale ? color : PALETTE.paper;
      ctx.fillStyle = stale ? PALETTE.halo : color;
      if (stale) ctx.setLineDash([3, 2]);
      ctx.beginPath();
      ctx.roundRect(1, 1, width - 2, height - 2, corner);
      ctx.fill();
      ctx.stroke();
      label(ctx, vehicle.label, face, stale ? color : PALETTE.paper, width, height);
    },
  );
}

/** A tram or bus: an upright box with its line, and a nose that points where it goes. */
function paintTransit(canvas: Canvas, sprites: Sprites, vehicle: VehicleLive, pose: Pose, stale: string | null): void {
  const { ctx, metresPerPixel } = canvas;
  const [px, py] = canvas.px(pose.x, pose.y);
  if (!canvas.visible(px, py)) return;
  const color = vehicle.priority === 'granted' ? PALETTE.tramGranted : PALETTE.tram;
  rotated(ctx, px, py, pose.heading, () => {
    ctx.beginPath();
    ctx.moveTo(0, -NOSE_PX);
    ctx.lineTo(5, -NOSE_PX + 8);
    ctx.lineTo(-5, -NOSE_PX + 8);
    ctx.closePath();
    ctx.fillStyle = color;
    ctx.fill();
  });
  box(canvas, sprites, vehicle, px, py, color, stale !== null);
  const late = vehicle.lateness_s;
  if (stale) plate(canvas, sprites, stale, px, py + 19, PALETTE.ink);
  else if (late !== null && Math.abs(late) >= LATE_FROM_S && metresPerPixel < LATE_BELOW_MPP) {
    plate(canvas, sprites, format.lateness(late), px, py + 19, late > 0 ? PALETTE.abnormal : PALETTE.ink);
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
function paintEmergency(
  canvas: Canvas,
  sprites: Sprites,
  vehicle: VehicleLive,
  pose: Pose,
  stale: string | null,
  animate: boolean,
): void {
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
  plate(canvas, sprites, name, px, py - 25, PALETTE.waveDeep);
}

/** The age to write on a stale vehicle; null while its position is fresh. */
function staleText(timed: Timed<VehicleLive>, now: number): string | null {
  return isStale(timed, now) ? format.age(ageMs(timed, now)) : null;
}

/** Paints cars, then trams and buses, then emergency vehicles, so that these lie on top. */
export function vehiclePainter(live: LiveState, motion: Motion, sprites: Sprites, options: VehicleOptions): Painter {
  return (canvas) => {
    if (live.demo && options.cars) paintCars(canvas, live.demo.value.cars);
    const emergencies: [Timed<VehicleLive>, Pose][] = [];
    for (const [id, timed] of live.vehicles) {
      const pose = motion.pose(id, canvas.now);
      if (!pose) continue;
      if (timed.value.class === 'emergency') emergencies.push([timed, pose]);
      else paintTransit(canvas, sprites, timed.value, pose, staleText(timed, canvas.now));
    }
    for (const [timed, pose] of emergencies) {
      paintEmergency(canvas, sprites, timed.value, pose, staleText(timed, canvas.now), options.animate);
    }
  };
}
