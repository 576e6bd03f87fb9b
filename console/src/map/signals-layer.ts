/** Every signal head in its live state, and what is unusual about its controller. */
import { fromLonLat } from 'ol/proj';

import type { Aspect, ControllerLive, Head, Network } from '../api/types';
import { isStale } from '../live/clock';
import type { LiveState } from '../live/state';
import type { Canvas, Painter } from './canvas-layer';
import { font, PALETTE } from './palette';
import { drawAspect } from './symbols';

/** Heads of pedestrians and bicycles are drawn up to this scale, those of trams up to the next. */
const SMALL_HEADS_BELOW_MPP = 1.3;
const TRAM_HEADS_BELOW_MPP = 2.6;

/** A head at its place in map units; `slot` counts the heads beside it, centred on zero. */
export interface PlacedHead extends Head {
  x: number;
  y: number;
  slot: number;
}

export interface PlacedController {
  id: number;
  title: string;
  x: number;
  y: number;
  /** From the centre to its farthest head, map units. */
  reach: number;
  heads: PlacedHead[];
}

/** Heads of one approach stand at the same place: they are laid side by side, in order of group. */
export function placeHeads(heads: Head[]): PlacedHead[] {
  const approaches = new Map<string, Head[]>();
  for (const head of heads) {
    const key = `${head.lon.toFixed(5)} ${head.lat.toFixed(5)} ${Math.round(head.heading_deg / 20)}`;
    approaches.set(key, [...(approaches.get(key) ?? []), head]);
  }
  return [...approaches.values()].flatMap((beside) =>
    beside.map((head, i) => {
      const [x = 0, y = 0] = fromLonLat([head.lon, head.lat]);
      return { ...head, x, y, slot: i - (beside.length - 1) / 2 };
    }),
  );
}

/** All controllers of the network with their heads in map units. */
export function placeControllers(network: Network): PlacedController[] {
  return network.controllers.map(({ id, title, lon, lat, heads }) => {
    const [x = 0, y = 0] = fromLonLat([lon, lat]);
    const placed = placeHeads(heads);
    const reach = Math.max(0, ...placed.map((head) => Math.hypot(head.x - x, head.y - y)));
    return { id, title, x, y, reach, heads: placed };
  });
}

const RING_MIN_PX = 9;
const RING_MAX_PX = 64;

/** Radius in pixels of the ring that marks a junction: around its heads, where that can be seen. */
export function ringPx(place: PlacedController, { unitsPerPixel }: Canvas): number {
  return Math.min(RING_MAX_PX, Math.max(RING_MIN_PX, 0.8 * (place.reach / unitsPerPixel)));
}

/** Size of a vehicle head in pixels: grows as one comes nearer, within what can be read. */
export function headSizePx(metresPerPixel: number): number {
  return Math.min(20, Math.max(7, 11 / Math.sqrt(metresPerPixel)));
}

function hidden(kind: Head['kind'], metresPerPixel: number): boolean {
  if (kind === 'vehicle') return false;
  return metresPerPixel > (kind === 'tram' ? TRAM_HEADS_BELOW_MPP : SMALL_HEADS_BELOW_MPP);
}

/** What a group shows; a controller that is silent or cut off shows nothing known. */
export function aspectOf(live: ControllerLive | undefined, stale: boolean, group: number): Aspect {
  if (!live || stale || live.link !== 'up') return '?';
  const letter = live.aspects[group];
  return letter === 'G' || letter === 'Y' || letter === 'R' || letter === 'C' ? letter : '?';
}

/** Where to draw a head: on a small scale pushed out of its junction, so that heads do not pile up. */
function pushedOut(canvas: Canvas, head: PlacedHead, centre: [number, number], room: number): [number, number] {
  const [px, py] = canvas.px(head.x, head.y);
  const [dx, dy] = [px - centre[0], py - centre[1]];
  const distance = Math.hypot(dx, dy);
  if (distance >= room || distance < 0.5) return [px, py];
  return [centre[0] + (dx * room) / distance, centre[1] + (dy * room) / distance];
}

function paintHead(canvas: Canvas, head: PlacedHead, aspect: Aspect, centre: [number, number]): void {
  const { ctx, metresPerPixel } = canvas;
  const full = headSizePx(metresPerPixel);
  const small = head.kind === 'pedestrian' || head.kind === 'bicycle';
  const size = full * (small ? 0.72 : 1);
  const [px, py] = pushedOut(canvas, head, centre, full * (small ? 2.3 : 1.25));
  const heading = (head.heading_deg * Math.PI) / 180;
  ctx.save();
  ctx.translate(px, py);
  ctx.rotate(heading);
  ctx.translate(head.slot * size * 1.15, 0);
  if (head.kind === 'tram') paintTile(ctx, size);
  // A diamond that is turned is a square, and a question that is turned is not read.
  if (aspect === 'Y' || aspect === '?') ctx.rotate(-heading);
  drawAspect(ctx, aspect, head.kind === 'tram' ? size * 0.8 : size);
  ctx.restore();
}

/** Tram signals stand on a dark tile. */
function paintTile(ctx: CanvasRenderingContext2D, size: number): void {
  ctx.beginPath();
  ctx.roundRect(-0.62 * size, -0.66 * size, 1.24 * size, 1.24 * size, 0.22 * size);
  ctx.fillStyle = PALETTE.tile;
  ctx.fill();
}

/** A ring around the junction: ours is blue, a foreign preempt dashed, a fault has a slash. */
function paintRing(canvas: Canvas, place: PlacedController, live: ControllerLive): void {
  const fault = live.link !== 'up' || !live.armed;
  if (!fault && !live.preempt) return;
  const { ctx } = canvas;
  const [px, py] = canvas.px(place.x, place.y);
  const radius = ringPx(place, canvas);
  ctx.save();
  ctx.lineWidth = 2;
  ctx.beginPath();
  ctx.arc(px, py, radius, 0, 2 * Math.PI);
  if (fault) {
    ctx.moveTo(px - radius * 0.7, py + radius * 0.7);
    ctx.lineTo(px + radius * 0.7, py - radius * 0.7);
  }
  const ours = live.preempt?.ours === true;
  ctx.strokeStyle = fault || !ours ? PALETTE.abnormal : PALETTE.wave;
  if (!ours) ctx.setLineDash(fault ? [3, 3] : [7, 4]);
  ctx.stroke();
  ctx.restore();
}

/** A text that changes when anything that is painted of a controller does, but for its age. */
export function signalSignature(live: LiveState): string {
  let signature = '';
  for (const { value } of live.controllers.values()) {
    const { id, aspects, link, armed, preempt } = value;
    signature += `${id}${aspects}${link}${armed ? '' : '!'}${preempt ? (preempt.ours ? '+' : '-') : ''};`;
  }
  return signature;
}

/** Paints all signals of the network from the live state. */
export function signalPainter(controllers: PlacedController[], live: LiveState): Painter {
  return (canvas) => {
    for (const place of controllers) {
      const [px, py] = canvas.px(place.x, place.y);
      if (!canvas.visible(px, py, 120)) continue;
      const timed = live.controllers.get(place.id);
      if (timed) paintRing(canvas, place, timed.value);
      const stale = !timed || isStale(timed, canvas.now);
      for (const head of place.heads) {
        if (hidden(head.kind, canvas.metresPerPixel)) continue;
        paintHead(canvas, head, aspectOf(timed?.value, stale, head.group), [px, py]);
      }
    }
  };
}

/** Writes the name of the one controller that is pointed at or picked. */
export function titlePainter(controllers: Map<number, PlacedController>, shown: () => number | null): Painter {
  return (canvas) => {
    const place = controllers.get(shown() ?? -1);
    if (!place) return;
    const { ctx } = canvas;
    const [px, py] = canvas.px(place.x, place.y);
    const top = py + ringPx(place, canvas) + 8;
    ctx.font = font(12, 600);
    ctx.textAlign = 'center';
    ctx.textBaseline = 'middle';
    const width = ctx.measureText(place.title).width + 16;
    ctx.beginPath();
    ctx.roundRect(px - width / 2, top, width, 22, 5);
    ctx.fillStyle = PALETTE.ink;
    ctx.fill();
    ctx.fillStyle = PALETTE.paper;
    ctx.fillText(place.title, px, top + 11.5);
  };
}
