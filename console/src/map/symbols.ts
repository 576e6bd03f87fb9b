/** The shapes that stand for signal states; each differs by form as well as by colour. */
import type { Aspect } from '../api/types';
import { font, PALETTE } from './palette';

/** An arrow that points up, along the approach. */
function arrow(ctx: CanvasRenderingContext2D, size: number): void {
  ctx.beginPath();
  ctx.moveTo(0, -0.62 * size);
  ctx.lineTo(0.54 * size, 0.44 * size);
  ctx.lineTo(-0.54 * size, 0.44 * size);
  ctx.closePath();
}

function diamond(ctx: CanvasRenderingContext2D, size: number): void {
  const half = 0.54 * size;
  ctx.beginPath();
  ctx.moveTo(0, -half);
  ctx.lineTo(half, 0);
  ctx.lineTo(0, half);
  ctx.lineTo(-half, 0);
  ctx.closePath();
}

/** A bar across the approach. */
function bar(ctx: CanvasRenderingContext2D, size: number): void {
  ctx.beginPath();
  ctx.roundRect(-0.54 * size, -0.22 * size, 1.08 * size, 0.44 * size, 0.1 * size);
}

function disc(ctx: CanvasRenderingContext2D, size: number): void {
  ctx.beginPath();
  ctx.arc(0, 0, 0.5 * size, 0, 2 * Math.PI);
}

/** Fills the current path in front of a light rim, so that it reads on any ground. */
function solid(ctx: CanvasRenderingContext2D, fill: string, size: number, rim: string = PALETTE.paper): void {
  ctx.lineJoin = 'round';
  ctx.strokeStyle = rim;
  ctx.lineWidth = Math.max(1.5, 0.16 * size);
  ctx.stroke();
  ctx.fillStyle = fill;
  ctx.fill();
}

function hollow(ctx: CanvasRenderingContext2D, color: string, size: number): void {
  ctx.fillStyle = PALETTE.paper;
  ctx.fill();
  ctx.strokeStyle = color;
  ctx.lineWidth = Math.max(1.4, 0.15 * size);
  ctx.stroke();
}

function question(ctx: CanvasRenderingContext2D, size: number): void {
  ctx.font = font(0.75 * size, 700);
  ctx.textAlign = 'center';
  ctx.textBaseline = 'middle';
  ctx.fillStyle = PALETTE.unknown;
  ctx.fillText('?', 0, 0.04 * size);
}

/** Draws one head at the origin, its approach pointing up (yellow and unknown have no direction). */
export function drawAspect(ctx: CanvasRenderingContext2D, aspect: Aspect, size: number): void {
  switch (aspect) {
    case 'G':
      arrow(ctx, size);
      return solid(ctx, PALETTE.green, size);
    case 'Y':
      diamond(ctx, size);
      return solid(ctx, PALETTE.yellow, size, PALETTE.ink);
    case 'R':
      bar(ctx, size);
      return solid(ctx, PALETTE.red, size);
    case 'C':
      arrow(ctx, 0.9 * size);
      return hollow(ctx, PALETTE.green, size);
    case '?':
      disc(ctx, 0.9 * size);
      hollow(ctx, PALETTE.unknown, size);
      return question(ctx, size);
  }
}
