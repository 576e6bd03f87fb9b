/** The map: OpenLayers with its canvas renderer, fed by hand and never by Svelte. */
import OlMap from 'ol/Map';
import View from 'ol/View';
import { defaults as defaultControls } from 'ol/control/defaults';
import ScaleLine from 'ol/control/ScaleLine';
import { defaults as defaultInteractions } from 'ol/interaction/defaults';
import type BaseLayer from 'ol/layer/Base';
import { fromLonLat, toLonLat, transformExtent } from 'ol/proj';

import type { Network } from '../api/types';
import type { Motion } from '../live/motion';
import type { LiveState } from '../live/state';
import { CanvasLayer } from './canvas-layer';
import { linkLayer, nameLayer } from './network-layer';
import { readView, writeView } from './permalink';
import { placeControllers, signalPainter, signalSignature, titlePainter, type PlacedController } from './signals-layer';
import { Sprites } from './sprites';
import { vehiclePainter, type VehicleOptions } from './vehicles-layer';
import { promisePainter, routePainter } from './wave-layer';

/** What a click on the map found. */
export interface Picked {
  controller?: number;
  vehicle?: string;
}

export interface MapOptions {
  onPick: (picked: Picked) => void;
  /** The operator moved the map by hand. */
  onMoved: () => void;
}

/** Vehicles move, and promises count, this often; signals are painted when they change, or age this often. */
const VEHICLES_EVERY_MS = 50;
const PROMISES_EVERY_MS = 200;
const SIGNALS_EVERY_MS = 1_000;
const PICK_RADIUS_PX = 24;
const FOCUS_ZOOM = 18;
/** Top, right, bottom, left: room for the buttons and the notice. */
const FIT_PADDING_PX = [56, 40, 68, 40];

export class CityMap {
  readonly vehicleOptions: VehicleOptions = { cars: true, animate: true };
  private readonly map: OlMap;
  private readonly names: BaseLayer;
  private readonly under: CanvasLayer;
  private readonly signals: CanvasLayer;
  private readonly vehicles: CanvasLayer;
  private readonly promises: CanvasLayer;
  private readonly controllers: Map<number, PlacedController>;
  private readonly motionQuery = matchMedia('(prefers-reduced-motion: reduce)');
  private readonly extent: number[];
  private followed: string | null = null;
  /** The controllers that the pointer is on and that is picked; the name of one is shown. */
  private pointed: number | null = null;
  private picked: number | null = null;
  private readonly sprites = new Sprites();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private frame = 0;
  private signature = '';
  private signalsAt = 0;
  private promisesAt = 0;

  constructor(
    target: HTMLElement,
    network: Network,
    private readonly live: LiveState,
    private readonly motion: Motion,
    options: MapOptions,
  ) {
    const placed = placeControllers(network);
    this.controllers = new Map(placed.map((place) => [place.id, place]));
    this.extent = transformExtent(network.bounds, 'EPSG:4326', 'EPSG:3857');
    this.names = nameLayer(network);
    this.under = new CanvasLayer(routePainter(live), 2);
    this.signals = new CanvasLayer(signalPainter(placed, live), 3);
    this.vehicles = new CanvasLayer(vehiclePainter(live, motion, this.sprites, this.vehicleOptions), 4);
    const promise = promisePainter(live, motion, this.controllers);
    const title = titlePainter(this.controllers, () => this.pointed ?? this.picked);
    this.promises = new CanvasLayer((canvas) => {
      promise(canvas);
      title(canvas);
    }, 5);
    this.map = new OlMap({
      target,
      layers: [linkLayer(network), this.names, this.under, this.signals, this.vehicles, this.promises],
      view: new View({ center: fromLonLat([0, 0]), zoom: 2, minZoom: 11, maxZoom: 21, enableRotation: false }),
      controls: defaultControls({ attribution: false, rotate: false, zoom: false }).extend([new ScaleLine()]),
      interactions: defaultInteractions({ altShiftDragRotate: false, pinchRotate: false }),
      keyboardEventTarget: target,
    });
    this.begin(target, options);
  }

  /** A message arrived: signals that it changed are painted with the next frame. */
  changed(): void {
    const signature = signalSignature(this.live);
    if (signature !== this.signature) this.signalsAt = 0;
    this.signature = signature;
  }

  /** The whole network in sight. */
  showAll(): void {
    this.map.getView().fit(this.extent, { padding: FIT_PADDING_PX, duration: this.glideMs() });
  }

  /** Brings a controller to the centre, near enough to read its heads. */
  focusController(id: number): void {
    const place = this.controllers.get(id);
    if (place) this.focus(place.x, place.y);
  }

  focusVehicle(id: string): void {
    const pose = this.motion.pose(id, performance.now());
    if (pose) this.focus(pose.x, pose.y);
  }

  /** Shows the name of a picked controller. */
  showTitle(id: number | null): void {
    this.picked = id;
    this.promisesAt = 0;
  }

  /** Keeps a vehicle in the centre until told otherwise. */
  follow(id: string | null): void {
    this.followed = id;
  }

  zoom(by: number): void {
    const view = this.map.getView();
    view.animate({ zoom: (view.getZoom() ?? 0) + by, duration: this.glideMs() });
  }

  showNames(shown: boolean): void {
    this.names.setVisible(shown);
  }

  dispose(): void {
    clearTimeout(this.timer);
    cancelAnimationFrame(this.frame);
    this.map.setTarget(undefined);
    this.map.dispose();
  }

  private begin(target: HTMLElement, options: MapOptions): void {
    this.map.updateSize();
    const view = readView(location.hash);
    if (view) {
      this.map.getView().setCenter(fromLonLat([view.lon, view.lat]));
      this.map.getView().setZoom(view.zoom);
    } else {
      this.map.getView().fit(this.extent, { padding: FIT_PADDING_PX });
    }
    this.map.on('moveend', () => this.remember());
    this.map.on('pointerdrag', options.onMoved);
    this.map.on('singleclick', (event) => options.onPick(this.pick(event.pixel)));
    this.map.on('pointermove', (event) => {
      if (event.dragging) return;
      const { controller, vehicle } = this.pick(event.pixel);
      target.classList.toggle('pickable', controller !== undefined || vehicle !== undefined);
      if (this.pointed !== (controller ?? null)) {
        this.pointed = controller ?? null;
        this.promisesAt = 0;
      }
    });
    // Canvas text is measured with the page's font only once that is loaded.
    void document.fonts.load('600 12px "Inter Variable"').then(() => {
      this.sprites.clear();
      this.map.render();
    });
    this.next();
  }

  /** The next picture: at its pace, and only when the page is seen. */
  private next(): void {
    this.timer = setTimeout(() => {
      this.frame = requestAnimationFrame((now) => {
        this.paint(now);
        this.next();
      });
    }, VEHICLES_EVERY_MS);
  }

  private remember(): void {
    const view = this.map.getView();
    const [lon = 0, lat = 0] = toLonLat(view.getCenter() ?? [0, 0]);
    history.replaceState(null, '', writeView({ zoom: view.getZoom() ?? 0, lat, lon }));
  }

  private paint(now: number): void {
    this.vehicleOptions.animate = !this.motionQuery.matches;
    this.keepFollowed();
    this.vehicles.repaint();
    if (now - this.signalsAt >= SIGNALS_EVERY_MS) {
      this.signalsAt = now;
      this.signals.repaint();
    }
    if (now - this.promisesAt >= PROMISES_EVERY_MS) {
      this.promisesAt = now;
      this.under.repaint();
      this.promises.repaint();
    }
  }

  private keepFollowed(): void {
    const pose = this.followed === null ? undefined : this.motion.pose(this.followed, performance.now());
    if (pose) this.map.getView().setCenter([pose.x, pose.y]);
  }

  private focus(x: number, y: number): void {
    const view = this.map.getView();
    const zoom = Math.max(FOCUS_ZOOM, view.getZoom() ?? 0);
    view.animate({ center: [x, y], zoom, duration: this.glideMs() });
  }

  private glideMs(): number {
    return this.motionQuery.matches ? 0 : 250;
  }

  /** The vehicle, else the controller, nearest to a pixel and near enough to be meant. */
  private pick(pixel: number[]): Picked {
    const near = (x: number, y: number): number => {
      const [px = Infinity, py = Infinity] = this.map.getPixelFromCoordinate([x, y]) ?? [];
      return Math.hypot(px - (pixel[0] ?? 0), py - (pixel[1] ?? 0));
    };
    const now = performance.now();
    let best = PICK_RADIUS_PX;
    let found: Picked = {};
    const offer = (distance: number, picked: Picked) => {
      if (distance < best) [best, found] = [distance, picked];
    };
    for (const id of this.live.vehicles.keys()) {
      const pose = this.motion.pose(id, now);
      if (pose) offer(near(pose.x, pose.y), { vehicle: id });
    }
    if (found.vehicle === undefined) {
      for (const { id, x, y } of this.controllers.values()) offer(near(x, y), { controller: id });
    }
    return found;
  }
}
