import { createTask, parse } from 'node-cron';
import { type TimeZone, timeZone } from '../records/times/zone.js';

const SECOND = 1_000;
const HOUR = 3_600_000;
/** Every time zone's offset is a multiple of this, and changes at a multiple of it. In milliseconds. */
const BLOCK = HOUR / 4;
/** Clocks are put forward or back by this at most, in milliseconds. */
const LARGEST_CHANGE = 3 * HOUR;
/** How far to look for a tick, in milliseconds: a 29th of February that is a Monday comes every 28 years. */
const HORIZON = 40 * 366 * 24 * HOUR;

/**
 * The ticks of a cron expression, by the wall clock of a time zone. node-cron parses the expression. Its own next time is not
 * used: when clocks are put back, it leaves out an hour of ticks that come every minute; when they are put forward, it leaves
 * out a daily tick in the hour that does not exist. This follows Vixie's cron: an expression for every hour ticks by the time
 * that passes. An expression for certain hours ticks once in an hour that comes twice, and for an hour that does not exist it
 * ticks at the moment when that hour would have begun.
 */
export class CronTimes {
  readonly #isWall: (wall: number) => boolean;
  readonly #fields: { readonly second: number[]; readonly minute: number[]; readonly hour: number[] };
  readonly #everyHour: boolean;
  readonly #zone: TimeZone;

  /** @throws Error if the expression or the time zone is invalid; the check of the pipeline finds both earlier */
  constructor(expression: string, zone: string) {
    this.#fields = parse(expression);
    this.#everyHour = this.#fields.hour.length === 24;
    // Wall-clock times are handled as if they were UTC, where each exists exactly once.
    const matcher = createTask(expression, () => {}, { timezone: 'UTC' });
    this.#isWall = (wall) => matcher.match(new Date(wall));
    this.#zone = timeZone(zone);
  }

  /** The first tick after a moment, both in milliseconds since the epoch; undefined if there is none. */
  after(moment: number): number | undefined {
    const from = Math.floor(moment / SECOND) * SECOND + SECOND;
    for (let block = Math.floor(from / BLOCK) * BLOCK; block < from + HORIZON; ) {
      const offset = this.#zone.offsetAt(block);
      const found = this.#inBlock(block, offset, from);
      if (found !== undefined) return found;
      block += this.#isDay(block + offset) ? BLOCK : this.#restOfDay(block + offset);
    }
    return undefined;
  }

  #inBlock(block: number, offset: number, from: number): number | undefined {
    if (!this.#everyHour && block >= from && this.#isInGap(block, offset)) return block;
    if (!this.#fields.hour.includes(new Date(block + offset).getUTCHours())) return undefined;
    for (let wall = block + offset; wall < block + offset + BLOCK; wall += 60 * SECOND) {
      if (!this.#fields.minute.includes(new Date(wall).getUTCMinutes())) continue;
      for (const second of this.#fields.second) {
        const time = wall - offset + second * SECOND;
        if (time < from || !this.#isWall(wall + second * SECOND)) continue;
        if (this.#everyHour || !this.#wasBefore(time, offset)) return time;
      }
    }
    return undefined;
  }

  /** Whether clocks are put forward at this moment, and skip a tick. */
  #isInGap(moment: number, offset: number): boolean {
    const before = this.#zone.offsetAt(moment - BLOCK);
    for (let wall = moment + before; wall < moment + offset; wall += 60 * SECOND) {
      if (this.#fields.second.some((second) => this.#isWall(wall + second * SECOND))) return true;
    }
    return false;
  }

  /** Whether the clocks showed the same time before they were put back. */
  #wasBefore(time: number, offset: number): boolean {
    const before = this.#zone.offsetAt(time - LARGEST_CHANGE);
    return before > offset && this.#zone.offsetAt(time + offset - before) === before;
  }

  /** Whether there is a tick on the day of this wall-clock time. */
  #isDay(wall: number): boolean {
    const { hour, minute, second } = this.#fields;
    const [h = 0, m = 0, s = 0] = [hour[0], minute[0], second[0]];
    return this.#isWall(new Date(wall).setUTCHours(h, m, s, 0));
  }

  /** How far to go on a day without ticks, in milliseconds; less than the whole day, since clocks may change on it. */
  #restOfDay(wall: number): number {
    const left = 24 * HOUR - (wall % (24 * HOUR));
    return left > LARGEST_CHANGE + BLOCK ? left - LARGEST_CHANGE : BLOCK;
  }
}
