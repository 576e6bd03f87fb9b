/** The ground that the signals stand on: streets, tracks, stops and their names. */
import Feature from 'ol/Feature';
import LineString from 'ol/geom/LineString';
import Point from 'ol/geom/Point';
import VectorLayer from 'ol/layer/Vector';
import { fromLonLat } from 'ol/proj';
import VectorSource from 'ol/source/Vector';
import { Circle, Fill, Stroke, Style, Text } from 'ol/style';

import type { Network, NetworkLink } from '../api/types';
import { font, PALETTE } from './palette';

/** How a link is drawn. */
export type LinkClass = 'road' | 'street' | 'path' | 'track';

/** From 40 km/h on, or with two lanes, a link is drawn as a main road. */
const ROAD_SPEED_MPS = 11;
const LANE_WIDTH_M = 3.2;
/** Names are shown below this scale, map units a pixel. */
const STREET_NAMES_BELOW = 3.2;
const STOPS_BELOW = 6;
const STOP_NAMES_BELOW = 2.2;
/** A name is drawn at most this often for one street. */
const NAMES_PER_STREET = 3;

/** The class of a link, from who may use it and how it is built. */
export function linkClass({ uses, lanes = 1, speed_mps = 0 }: NetworkLink): LinkClass {
  const driven = uses.includes('car') || uses.includes('bus') || uses.includes('emergency');
  if (driven) return lanes >= 2 || speed_mps >= ROAD_SPEED_MPS ? 'road' : 'street';
  return uses.includes('tram') ? 'track' : 'path';
}

/** Width in pixels of so many metres, within bounds, on the scale of 60° north. */
function widthPx(metres: number, resolution: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, (2 * metres) / resolution));
}

const stroke = (color: string, width: number, lineDash?: number[]) =>
  new Stroke({ color, width, lineCap: lineDash ? 'butt' : 'round', lineJoin: 'round', lineDash });

/** Two rails: a dark line with a lighter one in it; one thin line when there is no room. */
function trackStyles(resolution: number): Style[] {
  const gauge = widthPx(1.9, resolution, 1, 5);
  if (gauge < 3.4) return [new Style({ stroke: stroke(PALETTE.track, 1.5), zIndex: 5 })];
  const rails = new Style({ stroke: stroke(PALETTE.track, gauge), zIndex: 5 });
  return [rails, new Style({ stroke: stroke(PALETTE.street, gauge - 2.6), zIndex: 6 })];
}

function linkStyles(kind: LinkClass, tracks: boolean, lanes: number, resolution: number): Style[] {
  if (kind === 'track') return trackStyles(resolution);
  if (kind === 'path') {
    const path = stroke(PALETTE.path, widthPx(1.2, resolution, 0.8, 3), [4, 3]);
    return [new Style({ stroke: path, zIndex: 0 })];
  }
  const main = kind === 'road';
  const width = widthPx((lanes + 1) * LANE_WIDTH_M, resolution, main ? 2.6 : 1.4, main ? 30 : 22);
  return [
    new Style({ stroke: stroke(PALETTE.casing, width + 1.6), zIndex: main ? 2 : 1 }),
    new Style({ stroke: stroke(main ? PALETTE.road : PALETTE.street, width), zIndex: main ? 4 : 3 }),
    ...(tracks ? trackStyles(resolution) : []),
  ];
}

const toMap = (line: NetworkLink['line']) => line.map((place) => fromLonLat(place));

/** The streets and tracks. */
export function linkLayer(network: Network): VectorLayer {
  const cache = new Map<string, Style[]>();
  const features = network.links
    .filter((link) => link.line.length >= 2)
    .map((link) => new Feature({ geometry: new LineString(toMap(link.line)), link }));
  return new VectorLayer({
    source: new VectorSource({ features }),
    zIndex: 0,
    style: (feature, resolution) => {
      const link = feature.get('link') as NetworkLink;
      const [kind, tracks] = [linkClass(link), link.uses.includes('tram')];
      const lanes = Math.min(4, link.lanes ?? 1);
      const key = `${kind} ${tracks} ${lanes} ${resolution.toFixed(3)}`;
      let styles = cache.get(key);
      if (!styles) {
        if (cache.size > 256) cache.clear();
        cache.set(key, (styles = linkStyles(kind, tracks, lanes, resolution)));
      }
      return styles;
    },
  });
}

/** The longest few links of each named street: where its name is written. */
export function namedLinks(links: NetworkLink[]): NetworkLink[] {
  const extent = ({ line }: NetworkLink) => {
    const [first, last] = [line[0], line[line.length - 1]];
    return first && last ? Math.hypot((last[0] - first[0]) * 0.5, last[1] - first[1]) : 0;
  };
  const streets = new Map<string, NetworkLink[]>();
  for (const link of links) {
    if (link.street && linkClass(link) !== 'track') {
      streets.set(link.street, [...(streets.get(link.street) ?? []), link]);
    }
  }
  return [...streets.values()].flatMap((street) =>
    street.sort((a, b) => extent(b) - extent(a)).slice(0, NAMES_PER_STREET),
  );
}

const halo = new Stroke({ color: PALETTE.halo, width: 3 });

/** Names of streets, and stops with theirs. */
export function nameLayer(network: Network): VectorLayer {
  const streets = namedLinks(network.links).map(
    (link) => new Feature({ geometry: new LineString(toMap(link.line)), street: link.street }),
  );
  const stops = network.stops.map(
    (stop) => new Feature({ geometry: new Point(fromLonLat([stop.lon, stop.lat])), stop: stop.name }),
  );
  const ink = new Fill({ color: PALETTE.label });
  const streetText = new Text({ font: font(11), placement: 'line', fill: ink, stroke: halo, maxAngle: 0.6 });
  const streetStyle = new Style({ text: streetText });
  const dot = new Circle({
    radius: 3,
    fill: new Fill({ color: PALETTE.paper }),
    stroke: new Stroke({ color: PALETTE.stop, width: 1.5 }),
    declutterMode: 'none',
  });
  const stopText = new Text({ font: font(10.5), offsetY: 12, fill: ink, stroke: halo });
  const stopStyle = new Style({ image: dot });
  const namedStopStyle = new Style({ image: dot, text: stopText });
  return new VectorLayer({
    source: new VectorSource({ features: [...streets, ...stops] }),
    zIndex: 1,
    declutter: true,
    style: (feature, resolution) => {
      const street = feature.get('street') as string | undefined;
      if (street !== undefined) {
        if (resolution > STREET_NAMES_BELOW) return undefined;
        streetText.setText(street);
        return streetStyle;
      }
      if (resolution > STOPS_BELOW) return undefined;
      if (resolution > STOP_NAMES_BELOW) return stopStyle;
      stopText.setText(feature.get('stop') as string);
      return namedStopStyle;
    },
  });
}
