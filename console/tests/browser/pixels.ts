/** What a person would see: screenshots, and colours counted in them. */
import type { Locator, Page } from '@playwright/test';
import { PNG } from 'pngjs';

import type { LonLat } from '../../src/api/types';

export interface Pixel {
  x: number;
  y: number;
}

/** Pixels of the screen for one map unit at zoom 0 (EPSG:3857, tiles of 256). */
const UNITS_PER_PIXEL_AT_0 = (2 * Math.PI * 6_378_137) / 256;

function mercator([lon, lat]: LonLat): [number, number] {
  const radians = (lat * Math.PI) / 180;
  return [6_378_137 * (lon * (Math.PI / 180)), 6_378_137 * Math.log(Math.tan(Math.PI / 4 + radians / 2))];
}

/** The map's view as the page's address states it. */
export interface View {
  zoom: number;
  at: LonLat;
}

export function hash({ zoom, at: [lon, lat] }: View): string {
  return `#${zoom.toFixed(2)}/${lat.toFixed(5)}/${lon.toFixed(5)}`;
}

/** Where a place is in the page, when the map shows `view`. */
export async function onScreen(page: Page, view: View, place: LonLat): Promise<Pixel> {
  const box = await page.getByRole('application').boundingBox();
  if (!box) throw new Error('the map is not shown');
  const resolution = UNITS_PER_PIXEL_AT_0 / 2 ** view.zoom;
  const [cx, cy] = mercator(view.at);
  const [x, y] = mercator(place);
  return { x: box.x + box.width / 2 + (x - cx) / resolution, y: box.y + box.height / 2 - (y - cy) / resolution };
}

function near(png: PNG, at: number, color: string, tolerance: number): boolean {
  return [1, 3, 5].every((digit, channel) => {
    const wanted = parseInt(color.slice(digit, digit + 2), 16);
    return Math.abs((png.data[at + channel] ?? 0) - wanted) <= tolerance;
  });
}

export interface Region {
  x: number;
  y: number;
  width: number;
  height: number;
}

export function around({ x, y }: Pixel, reach: number): Region {
  return { x: x - reach, y: y - reach, width: 2 * reach, height: 2 * reach };
}

/** The pixels of a region that have a colour, as `x,y` relative to the page. */
export async function pixelsOf(page: Page, region: Region, color: string, tolerance = 10): Promise<Pixel[]> {
  const png = PNG.sync.read(await page.screenshot({ clip: region, animations: 'allow' }));
  const found: Pixel[] = [];
  for (let y = 0; y < png.height; y += 1) {
    for (let x = 0; x < png.width; x += 1) {
      if (near(png, 4 * (y * png.width + x), color, tolerance)) found.push({ x: region.x + x, y: region.y + y });
    }
  }
  return found;
}

export async function countOf(page: Page, region: Region, color: string, tolerance?: number): Promise<number> {
  return (await pixelsOf(page, region, color, tolerance)).length;
}

/** The middle of all pixels of a colour, or null where there are too few to be a thing. */
export async function middleOf(page: Page, region: Region, color: string, least = 30): Promise<Pixel | null> {
  const found = await pixelsOf(page, region, color);
  if (found.length < least) return null;
  const sum = found.reduce((a, b) => ({ x: a.x + b.x, y: a.y + b.y }));
  return { x: sum.x / found.length, y: sum.y / found.length };
}

/** The whole map. */
export async function mapRegion(page: Page): Promise<Region> {
  const box = await page.getByRole('application').boundingBox();
  if (!box) throw new Error('the map is not shown');
  return box;
}

/** How many pixels of the left edge of a thing, this wide, have a colour. */
export async function edgeOf(thing: Locator, width: number, color: string): Promise<number> {
  const png = PNG.sync.read(await thing.screenshot({ animations: 'allow' }));
  let found = 0;
  for (let y = 0; y < png.height; y += 1) {
    for (let x = 0; x < Math.min(width, png.width); x += 1)
      if (near(png, 4 * (y * png.width + x), color, 10)) found += 1;
  }
  return found;
}
