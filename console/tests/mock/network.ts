/** A small made-up city: a grid of streets, a tram line in one of them, a controller at each crossing. */
import type { Head, LonLat, Network, NetworkController, NetworkLink } from '../../src/api/types';

const WEST = 24.93;
const SOUTH = 60.165;
/** About 140 m each way at this latitude. */
const STEP_LON = 0.0025;
const STEP_LAT = 0.00125;
const COLUMNS = 6;
const ROWS = 4;
/** How far before the crossing a head stands, as a share of a block. */
const SETBACK = 0.11;

const EAST_WEST = ['Harbour Street', 'Market Street', 'Station Street', 'Park Street'];
const NORTH_SOUTH = ['First Avenue', 'Second Avenue', 'Third Avenue', 'Fourth Avenue', 'Fifth Avenue', 'Sixth Avenue'];
/** The row of the tram line. */
export const TRAM_ROW = 1;

/** The place `column` blocks east and `row` blocks north; fractions are between crossings. */
export function place(column: number, row: number): LonLat {
  return [WEST + column * STEP_LON, SOUTH + row * STEP_LAT];
}

/** The controller at a crossing. */
export function controllerAt(column: number, row: number): number {
  return row * COLUMNS + column;
}

function link(id: number, street: string, line: LonLat[], main: boolean, tram: boolean): NetworkLink {
  const uses = tram ? ['car', 'bus', 'tram'] : ['car', 'bus', 'bicycle'];
  return { id, street, uses, line, lanes: main ? 2 : 1, speed_mps: main ? 13.9 : 8.3 };
}

function links(): NetworkLink[] {
  const made: NetworkLink[] = [];
  const both = (street: string, a: LonLat, b: LonLat, main: boolean, tram: boolean) => {
    made.push(link(made.length, street, [a, b], main, tram));
    made.push(link(made.length, street, [b, a], main, tram));
  };
  EAST_WEST.forEach((street, row) => {
    for (let column = -1; column < COLUMNS; column += 1) {
      both(street, place(column, row), place(column + 1, row), row === 2, row === TRAM_ROW);
    }
  });
  NORTH_SOUTH.forEach((street, column) => {
    for (let row = -1; row < ROWS; row += 1) {
      both(street, place(column, row), place(column, row + 1), column === 2, false);
    }
  });
  return made;
}

function heads(column: number, row: number): Head[] {
  const approaches: [number, number, number][] = [
    [-SETBACK, 0, 90],
    [SETBACK, 0, 270],
    [0, -SETBACK, 0],
    [0, SETBACK, 180],
  ];
  const made: Head[] = approaches.map(([dx, dy, heading_deg], group) => {
    const [lon, lat] = place(column + dx, row + dy);
    return { group, kind: 'vehicle', lon, lat, heading_deg };
  });
  const [lon, lat] = place(column + SETBACK, row + SETBACK);
  made.push({ group: 4, kind: 'pedestrian', lon, lat, heading_deg: 0 });
  return made;
}

function controllers(): NetworkController[] {
  return NORTH_SOUTH.flatMap((avenue, column) =>
    EAST_WEST.map((street, row) => {
      const [lon, lat] = place(column, row);
      const id = controllerAt(column, row);
      const modbus = id % 2 === 0;
      return {
        id,
        name: `c${id}`,
        title: `${street} / ${avenue}`,
        protocol: modbus ? 'modbus' : 'ntcip',
        priority: modbus,
        lon,
        lat,
        groups: ['K1', 'K2', 'K3', 'K4', 'P1'],
        heads: heads(column, row),
      };
    }),
  ).sort((a, b) => a.id - b.id);
}

/** The network that the mock engine serves. */
export function gridNetwork(): Network {
  const [west, south] = place(-0.8, -0.8);
  const [east, north] = place(COLUMNS - 0.2, ROWS - 0.2);
  return {
    name: 'grid',
    notice: 'A made-up city; its controllers are fictional.',
    attribution: '© OpenStreetMap contributors, ODbL 1.0',
    bounds: [west, south, east, north],
    links: links(),
    controllers: controllers(),
    stops: [1, 3].map((column) => {
      const [lon, lat] = place(column + 0.5, TRAM_ROW);
      return { name: `${EAST_WEST[TRAM_ROW]} ${column}`, lon, lat };
    }),
  };
}
