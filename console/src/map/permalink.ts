/** The view of the map in the page's address, so that it survives a reload and can be bookmarked. */
export interface MapView {
  zoom: number;
  lat: number;
  lon: number;
}

/** The view in a hash like `#17.20/60.16990/24.94140`, or null when there is none. */
export function readView(hash: string): MapView | null {
  const match = /^#(\d+(?:\.\d+)?)\/(-?\d+(?:\.\d+)?)\/(-?\d+(?:\.\d+)?)$/.exec(hash);
  if (!match) return null;
  const [zoom = 0, lat = 0, lon = 0] = match.slice(1).map(Number);
  return Math.abs(lat) <= 85 && Math.abs(lon) <= 180 ? { zoom, lat, lon } : null;
}

export function writeView({ zoom, lat, lon }: MapView): string {
  return `#${zoom.toFixed(2)}/${lat.toFixed(5)}/${lon.toFixed(5)}`;
}
