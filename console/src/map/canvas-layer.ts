/**
 * A layer of the map that paints itself on one canvas. It can be painted again without the map,
 * so that moving vehicles do not cost a drawing of the whole network.
 */
import Layer from 'ol/layer/Layer';
import type { FrameState } from 'ol/Map';

/** What a painter is given: a context in CSS pixels and the way from map units to them. */
export interface Canvas {
  ctx: CanvasRenderingContext2D;
  width: number;
  height: number;
  /** Metres on the ground for one CSS pixel, at the centre of the view. */
  metresPerPixel: number;
  /** Map units (EPSG:3857) for one CSS pixel. */
  unitsPerPixel: number;
  /** Steady clock, milliseconds. */
  now: number;
  /** From map units (EPSG:3857) to CSS pixels. */
  px(x: number, y: number): [number, number];
  /** Whether a point in CSS pixels is in sight, with a margin. */
  visible(px: number, py: number, margin?: number): boolean;
}

export type Painter = (canvas: Canvas) => void;

const EARTH_RADIUS_M = 6_378_137;

/** Metres on the ground for one map unit at a northing of EPSG:3857: `cos(latitude)`. */
function groundScale(northing: number): number {
  return 1 / Math.cosh(northing / EARTH_RADIUS_M);
}

export class CanvasLayer extends Layer {
  private readonly canvas = document.createElement('canvas');
  private readonly ctx = this.canvas.getContext('2d');
  private frame: FrameState | null = null;

  constructor(
    private readonly painter: Painter,
    zIndex: number,
  ) {
    super({ zIndex });
    this.canvas.className = 'canvas-layer';
  }

  override render(frame: FrameState | null): HTMLElement {
    this.frame = frame;
    this.repaint();
    return this.canvas;
  }

  /** Paints again what has changed, in the view of the last frame. */
  repaint(): void {
    const { frame, ctx } = this;
    if (!frame || !ctx) return;
    const [width = 0, height = 0] = frame.size;
    this.fit(Math.round(width * frame.pixelRatio), Math.round(height * frame.pixelRatio));
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.clearRect(0, 0, this.canvas.width, this.canvas.height);
    ctx.scale(frame.pixelRatio, frame.pixelRatio);
    const [a = 1, b = 0, c = 0, d = 1, e = 0, f = 0] = frame.coordinateToPixelTransform;
    this.painter({
      ctx,
      width,
      height,
      metresPerPixel: frame.viewState.resolution * groundScale(frame.viewState.center[1] ?? 0),
      unitsPerPixel: frame.viewState.resolution,
      now: performance.now(),
      px: (x, y) => [a * x + c * y + e, b * x + d * y + f],
      visible: (px, py, margin = 24) => px > -margin && py > -margin && px < width + margin && py < height + margin,
    });
  }

  private fit(width: number, height: number): void {
    if (this.canvas.width !== width) this.canvas.width = width;
    if (this.canvas.height !== height) this.canvas.height = height;
  }
}
