/**
 * The colours of the map. The base is grey (ISA-101): saturated colour is left to signals, to the
 * wave of an emergency vehicle and to what is abnormal. `app.css` has the panels' half.
 */
export const PALETTE = {
  ground: '#e3e7e9',
  road: '#fbfcfc',
  street: '#f1f3f4',
  casing: '#bcc4c9',
  path: '#d1d7db',
  track: '#6f7b84',
  stop: '#55626c',
  label: '#4a5660',
  halo: '#f3f5f6',
  ink: '#1c242b',
  paper: '#ffffff',

  green: '#128a4a',
  yellow: '#f0b400',
  red: '#cf3a2b',
  unknown: '#6b767f',

  wave: '#1f5fd6',
  waveDeep: '#123f95',
  waveSoft: 'rgba(47, 111, 232, 0.26)',
  abnormal: '#b04a00',
  done: '#66727b',

  tile: '#41464c',
  tram: '#33424d',
  tramGranted: '#0c6b3a',
  car: '#8b969e',
} as const;

/** The page's own font, with what a machine has in its place. */
const FAMILY = '"Inter Variable", "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif';

/** A canvas font. */
export function font(sizePx: number, weight = 500): string {
  return `${weight} ${sizePx}px ${FAMILY}`;
}
