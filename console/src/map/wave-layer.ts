/** The green wave ahead of an emergency vehicle: its route, and at each signal what is promised. */
import { fromLonLat } from 'ol/proj';

import type { Wave } from '../api/types';
import type { Motion } from '../live/motion';
import type { LiveState } from '../live/state';
import { promised, type Promised, type Tone } from '../wave/promise';
import type { Canvas, Painter } from './canvas-layer';
import { font, PALETTE } from './palette';
import { ringPx, type PlacedController } from './signals-layer';

interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

const INK: Record<Tone, string> = {
  coming: PALETTE.waveDeep,
  granted: PALETTE.green,
  done: PALETTE.done,
  abnormal: PALETTE.abnormal,
};

const CALLOUT_HEIGHT = 24;
/** Where a callout may hang: so far from its junction's ring in pixels, near before far, this way. */
const PLACES = [20, 52, 88].flatMap((reach) =>
  [45, -45, 135, -135, 0, 90, 180, -90].map((deg) => {
    const angle = (deg * Math.PI) / 180;
    return { reach, sin: Math.sin(angle), cos: Math.cos(angle) };
  }),
);

/** Paints the routes of all waves. */
export function routePainter(live: LiveState): Painter {
  return ({ ctx, px, metresPerPixel }) => {
    const width = Math.min(18, Math.max(7, 11 / metresPerPixel));
    ctx.lineCap = ctx.lineJoin = 'round';
    for (const wave of live.waves.value) {
      ctx.beginPath();
      wave.route.forEach((place, i) => {
        const [x = 0, y = 0] = fromLonLat(place);
        const [left, top] = px(x, y);
        if (i === 0) ctx.moveTo(left, top);
        else ctx.lineTo(left, top);
      });
      ctx.strokeStyle = PALETTE.waveSoft;
      ctx.lineWidth = width;
      ctx.stroke();
      ctx.strokeStyle = PALETTE.wave;
      ctx.lineWidth = 2;
      ctx.stroke();
    }
  };
}

function overlaps(a: Box, b: Box): boolean {
  return a.left < b.left + b.width && b.left < a.left + a.width && a.top < b.top + b.height && b.top < a.top + a.height;
}

/** Hangs callouts so that they cover neither each other nor a junction of the wave. */
class Placer {
  /** The place that each callout had: it keeps it while it can, so that texts stand still. */
  private readonly last = new Map<number, number>();
  private taken: Box[] = [];

  begin(obstacles: Box[]): void {
    this.taken = obstacles;
  }

  place(id: number, px: number, py: number, ring: number, width: number, canvas: Canvas): Box {
    const height = CALLOUT_HEIGHT;
    const before = this.last.get(id) ?? 0;
    const order = [before, ...PLACES.keys()];
    const at = (i: number): Box => {
      const { reach, sin, cos } = PLACES[i] ?? { reach: 0, sin: 0, cos: 0 };
      const side = sin > 0.1 ? 0 : sin < -0.1 ? width : width / 2;
      const away = ring + reach;
      return { left: px + sin * away - side, top: py - cos * away - height / 2, width, height };
    };
    const free = (box: Box) =>
      box.left > 4 &&
      box.top > 4 &&
      box.left + width < canvas.width - 4 &&
      box.top + height < canvas.height - 4 &&
      !this.taken.some((other) => overlaps(box, other));
    const chosen = order.find((i) => free(at(i))) ?? before;
    this.last.set(id, chosen);
    const box = at(chosen);
    this.taken.push(box);
    return box;
  }
}

/** A plate with the number of the signal on the route and its promise, tied to its junction. */
function paintCallout(ctx: CanvasRenderingContext2D, number: number, { text, tone }: Promised, box: Box): void {
  const ink = INK[tone];
  ctx.strokeStyle = ink;
  ctx.beginPath();
  ctx.roundRect(box.left, box.top, box.width, box.height, 7);
  ctx.fillStyle = PALETTE.paper;
  ctx.shadowColor = 'rgba(20, 30, 40, 0.22)';
  ctx.shadowBlur = 5;
  ctx.shadowOffsetY = 1;
  ctx.fill();
  ctx.shadowColor = 'transparent';
  ctx.lineWidth = 1.5;
  ctx.stroke();
  const middle = box.top + box.height / 2;
  ctx.beginPath();
  ctx.arc(box.left + 14, middle, 8.5, 0, 2 * Math.PI);
  ctx.fillStyle = ink;
  ctx.fill();
  ctx.textBaseline = 'middle';
  ctx.textAlign = 'center';
  ctx.font = font(11, 700);
  ctx.fillStyle = PALETTE.paper;
  ctx.fillText(String(number), box.left + 14, middle + 0.5);
  ctx.textAlign = 'left';
  ctx.font = font(12.5, 600);
  ctx.fillStyle = ink;
  ctx.fillText(text, box.left + 27, middle + 0.5);
}

/** A line from the rim of a junction's ring to its callout. */
function paintTie(ctx: CanvasRenderingContext2D, px: number, py: number, ring: number, box: Box, tone: Tone): void {
  const toX = Math.min(box.left + box.width, Math.max(box.left, px));
  const toY = Math.min(box.top + box.height, Math.max(box.top, py));
  const length = Math.hypot(toX - px, toY - py);
  if (length <= ring) return;
  ctx.beginPath();
  ctx.moveTo(px + ((toX - px) * ring) / length, py + ((toY - py) * ring) / length);
  ctx.lineTo(toX, toY);
  ctx.strokeStyle = INK[tone];
  ctx.lineWidth = 1.5;
  ctx.stroke();
}

/** The ring at a junction of the wave. */
function paintRing(ctx: CanvasRenderingContext2D, px: number, py: number, ring: number, tone: Tone): void {
  ctx.beginPath();
  ctx.arc(px, py, ring, 0, 2 * Math.PI);
  ctx.strokeStyle = INK[tone];
  ctx.lineWidth = tone === 'done' ? 1 : 2.25;
  ctx.stroke();
}

/** Paints ring and promise at each signal of each wave; signals behind the vehicle keep a ring. */
export function promisePainter(live: LiveState, motion: Motion, controllers: Map<number, PlacedController>): Painter {
  const placer = new Placer();
  return (canvas) => {
    const { ctx } = canvas;
    const { value: waves, at } = live.waves;
    placer.begin([
      ...waves.flatMap((wave) => junctions(canvas, wave, controllers)),
      ...emergencies(canvas, live, motion),
    ]);
    for (const wave of waves) {
      for (const [i, signal] of wave.signals.entries()) {
        const place = controllers.get(signal.controller);
        if (!place) continue;
        const [px, py] = canvas.px(place.x, place.y);
        if (!canvas.visible(px, py)) continue;
        const promise = promised(signal, at, canvas.now);
        const ring = ringPx(place, canvas);
        paintRing(ctx, px, py, ring, promise.tone);
        if (promise.tone === 'done') continue;
        ctx.font = font(12.5, 600);
        // Widths go in steps, so that a falling number does not make its plate tremble.
        const width = Math.ceil((ctx.measureText(promise.text).width + 37) / 8) * 8;
        const box = placer.place(place.id, px, py, ring, width, canvas);
        paintTie(ctx, px, py, ring, box, promise.tone);
        paintCallout(ctx, i + 1, promise, box);
      }
    }
  };
}

/** What callouts must not cover: the junctions of a wave. */
function junctions(canvas: Canvas, wave: Wave, controllers: Map<number, PlacedController>): Box[] {
  return wave.signals.flatMap((signal) => {
    const place = controllers.get(signal.controller);
    if (!place) return [];
    const [px, py] = canvas.px(place.x, place.y);
    return [{ left: px - 20, top: py - 20, width: 40, height: 40 }];
  });
}

/** What callouts must not cover: the vehicles that the waves are for, with their call signs. */
function emergencies(canvas: Canvas, live: LiveState, motion: Motion): Box[] {
  return live.waves.value.flatMap(({ vehicle }) => {
    const pose = motion.pose(vehicle, canvas.now);
    if (!pose) return [];
    const [px, py] = canvas.px(pose.x, pose.y);
    return [{ left: px - 34, top: py - 36, width: 68, height: 54 }];
  });
}
