/** Small pictures drawn once and used many times: text costs more than all else on a canvas. */

/** Pictures kept; when there are more, all are drawn afresh. */
const SPRITES_MAX = 512;

interface Sprite {
  image: HTMLCanvasElement;
  width: number;
  height: number;
}

export class Sprites {
  private readonly kept = new Map<string, Sprite>();
  private readonly ruler = document.createElement('canvas').getContext('2d');
  private ratio = 0;

  /** Forgets everything: the font has come, or the screen is another. */
  clear(): void {
    this.kept.clear();
  }

  /** Width in CSS pixels of a text. */
  measure(text: string, font: string): number {
    if (!this.ruler) return 0;
    this.ruler.font = font;
    return this.ruler.measureText(text).width;
  }

  /** Puts the picture `key` with its centre at a place; `draw` makes it when there is none yet. */
  put(
    ctx: CanvasRenderingContext2D,
    key: string,
    [px, py]: [number, number],
    size: () => [width: number, height: number],
    draw: (ctx: CanvasRenderingContext2D, width: number, height: number) => void,
  ): void {
    const ratio = ctx.getTransform().a;
    if (ratio !== this.ratio || this.kept.size > SPRITES_MAX) this.kept.clear();
    this.ratio = ratio;
    let sprite = this.kept.get(key);
    if (!sprite) this.kept.set(key, (sprite = this.make(size(), draw)));
    const { image, width, height } = sprite;
    // On whole pixels of the screen: between them the text would blur.
    const left = Math.round((px - width / 2) * ratio) / ratio;
    const top = Math.round((py - height / 2) * ratio) / ratio;
    ctx.drawImage(image, left, top, width, height);
  }

  private make(
    [width, height]: [number, number],
    draw: (ctx: CanvasRenderingContext2D, width: number, height: number) => void,
  ): Sprite {
    const image = document.createElement('canvas');
    image.width = Math.ceil(width * this.ratio);
    image.height = Math.ceil(height * this.ratio);
    const ctx = image.getContext('2d');
    ctx?.scale(this.ratio, this.ratio);
    if (ctx) draw(ctx, width, height);
    return { image, width: image.width / this.ratio, height: image.height / this.ratio };
  }
}
