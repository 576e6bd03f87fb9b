/** Numbers and times as people read them. */

const MISSING = '–';

/** `0.3 s`, `12 s`, `3 min`, `2 h`: one short age. */
export function age(ms: number | null): string {
  if (ms === null || !Number.isFinite(ms)) return MISSING;
  const s = ms / 1000;
  if (s < 9.95) return `${s.toFixed(1)} s`;
  if (s < 120) return `${Math.round(s)} s`;
  if (s < 7200) return `${Math.floor(s / 60)} min`;
  return `${Math.floor(s / 3600)} h`;
}

/** An age for lists, in whole seconds: digits that never rest would draw the eye. */
export function calmAge(ms: number | null): string {
  return ms !== null && ms < 9_950 ? `${Math.floor(ms / 1000)} s` : age(ms);
}

/** `1:24` from seconds; hours only when there are any. */
export function clock(s: number): string {
  const whole = Math.max(0, Math.floor(s));
  const [h, m, sec] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n: number) => String(n).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(sec)}` : `${m}:${two(sec)}`;
}

/** `+2:10` late, `−0:20` early, `on time` within half a minute. */
export function lateness(s: number | null): string {
  if (s === null) return MISSING;
  if (Math.abs(s) < 30) return 'on time';
  return `${s > 0 ? '+' : '−'}${clock(Math.abs(s))}`;
}

/** `in 12 s`, `now`, or `4 s ago`. */
export function toGo(s: number | null): string {
  if (s === null) return MISSING;
  const whole = Math.ceil(s);
  if (whole === 0) return 'now';
  return whole > 0 ? `in ${whole} s` : `${-whole} s ago`;
}

export function percent(share: number | null): string {
  return share === null ? MISSING : `${Math.round(share * 100)} %`;
}

/** `1 234 567` with thin spaces. */
export function count(n: number): string {
  return String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, '\u2009');
}

/** Microseconds, with a digit after the point below ten. */
export function micros(us: number | null | undefined): string {
  if (us === null || us === undefined) return MISSING;
  return `${us < 10 ? us.toFixed(1) : count(us)} µs`;
}

/** The time of day in UTC of an RFC 3339 time. */
export function timeOfDay(at: string): string {
  return /T(\d\d:\d\d:\d\d)/.exec(at)?.[1] ?? MISSING;
}

/** The day and time of day in UTC of an RFC 3339 time: `11-22 12:00:05 UTC`. */
export function dayAndTime(at: string): string {
  const found = /^\d+-(\d\d-\d\d)T(\d\d:\d\d:\d\d)/.exec(at);
  return found ? `${found[1]} ${found[2]} UTC` : MISSING;
}

/** `1 controller`, `3 controllers`. */
export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}
