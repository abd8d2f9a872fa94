const SECOND = 1_000;
const DAY = 24 * 3_600 * SECOND;
/** Every offset changes at a multiple of this. In milliseconds. */
const BLOCK = 15 * 60 * SECOND;
/** Offsets that are remembered: records of one poll lie within few days. */
const MOST_KNOWN = 5_000;

/** The clock of a place. Wall-clock times are handled as if they were UTC, in milliseconds since 1970. */
export interface TimeZone {
  /** How far the clock is ahead of UTC at a moment, in milliseconds. */
  offsetAt(moment: number): number;
  /**
   * The moment at which the clock shows this. Of two, when it is put back, the first; where it is put forward, and never shows this,
   * the moment at which it would have shown it otherwise (RFC 5545, section 3.3.5).
   */
  momentOf(wall: number): number;
  /**
   * What the clock shows at a moment; where it shows that twice, something before it, since a reader without the offset may take it for
   * either.
   */
  wallBefore(moment: number): number;
}

export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

const zones = new Map<string, TimeZone>();

/** @throws RangeError for a name that is none; the check of the pipeline finds it earlier */
export function timeZone(name: string): TimeZone {
  const known = zones.get(name);
  if (known !== undefined) return known;
  const zone = new IntlZone(name);
  zones.set(name, zone);
  return zone;
}

class IntlZone implements TimeZone {
  readonly #format: Intl.DateTimeFormat;
  readonly #known = new Map<number, number>();

  constructor(timeZone: string) {
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      era: 'short',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  }

  offsetAt(moment: number): number {
    const block = Math.floor(moment / BLOCK) * BLOCK;
    const known = this.#known.get(block);
    if (known !== undefined) return known;
    if (this.#known.size >= MOST_KNOWN) this.#known.clear();
    const offset = this.#wallAt(block) - block;
    this.#known.set(block, offset);
    return offset;
  }

  momentOf(wall: number): number {
    return this.#momentsOf(wall)[0] ?? wall - this.offsetAt(wall - DAY);
  }

  wallBefore(moment: number): number {
    let wall = moment + this.offsetAt(moment);
    while (this.#momentsOf(wall).length > 1) wall -= BLOCK;
    return wall;
  }

  /** The earlier first. A day before and a day after a change, both of its offsets hold. */
  #momentsOf(wall: number): number[] {
    const offsets = new Set([this.offsetAt(wall - DAY), this.offsetAt(wall + DAY)]);
    return [...offsets]
      .map((offset) => wall - offset)
      .filter((moment) => moment + this.offsetAt(moment) === wall)
      .sort((a, b) => a - b);
  }

  #wallAt(moment: number): number {
    const parts = new Map(this.#format.formatToParts(moment).map(({ type, value }) => [type, value]));
    const number = (type: Intl.DateTimeFormatPartTypes) => Number(parts.get(type));
    const date = new Date(0);
    // Date.UTC adds 1900 to the years 0 to 99.
    date.setUTCFullYear(
      parts.get('era') === 'BC' ? 1 - number('year') : number('year'),
      number('month') - 1,
      number('day'),
    );
    return date.setUTCHours(number('hour'), number('minute'), number('second'));
  }
}
