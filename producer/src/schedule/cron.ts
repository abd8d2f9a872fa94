import { createTask, parse } from 'node-cron';

const SECOND = 1_000;
const HOUR = 3_600_000;
/** Every time zone's offset is a multiple of this, and changes at one. */
const BLOCK = HOUR / 4;
/** Clocks are changed by no more than this. */
const LARGEST_CHANGE = 3 * HOUR;
/** The 29th of February, if it must be a Monday, comes every 28 years. */
const HORIZON = 40 * 366 * 24 * HOUR;

/**
 * When a cron expression ticks, by the wall clock of a time zone. node-cron reads the expression; its own next time leaves
 * out, when clocks are put back, an hour of ticks that come every minute, and when they are put forward, a daily tick in the
 * hour that does not exist. Here, as in Vixie's cron: an expression for every hour ticks by the time that passes; one for
 * certain hours ticks once in an hour that comes twice, and in one that does not exist at the moment it would have begun.
 */
export class CronTimes {
  readonly #isWall: (wall: number) => boolean;
  readonly #fields: { readonly second: number[]; readonly minute: number[]; readonly hour: number[] };
  readonly #everyHour: boolean;
  readonly #format: Intl.DateTimeFormat;

  /** @throws Error for what is no expression, or no time zone; the pipeline's check says it better */
  constructor(expression: string, timeZone: string) {
    this.#fields = parse(expression);
    this.#everyHour = this.#fields.hour.length === 24;
    // Wall-clock times are handled as if they were UTC, in which every one exists once.
    const matcher = createTask(expression, () => {}, { timezone: 'UTC' });
    this.#isWall = (wall) => matcher.match(new Date(wall));
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  }

  /** The first tick after this moment, both in milliseconds since the epoch; undefined if there is none. */
  after(moment: number): number | undefined {
    const from = Math.floor(moment / SECOND) * SECOND + SECOND;
    for (let block = Math.floor(from / BLOCK) * BLOCK; block < from + HORIZON; ) {
      const offset = this.#offset(block);
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

  /** Whether clocks are put forward at this moment, over a tick. */
  #isInGap(moment: number, offset: number): boolean {
    const before = this.#offset(moment - BLOCK);
    for (let wall = moment + before; wall < moment + offset; wall += 60 * SECOND) {
      if (this.#fields.second.some((second) => this.#isWall(wall + second * SECOND))) return true;
    }
    return false;
  }

  /** Whether the clocks showed the same time before they were put back. */
  #wasBefore(time: number, offset: number): boolean {
    const before = this.#offset(time - LARGEST_CHANGE);
    return before > offset && this.#offset(time + offset - before) === before;
  }

  /** Whether there is a tick on the day of this wall-clock time. */
  #isDay(wall: number): boolean {
    const { hour, minute, second } = this.#fields;
    const [h = 0, m = 0, s = 0] = [hour[0], minute[0], second[0]];
    return this.#isWall(new Date(wall).setUTCHours(h, m, s, 0));
  }

  /** How far it is safe to go on a day without ticks: clocks may be changed on it. */
  #restOfDay(wall: number): number {
    const left = 24 * HOUR - (wall % (24 * HOUR));
    return left > LARGEST_CHANGE + BLOCK ? left - LARGEST_CHANGE : BLOCK;
  }

  /** What the wall clock is ahead of UTC, in milliseconds. */
  #offset(moment: number): number {
    const parts = Object.fromEntries(
      this.#format.formatToParts(moment).map(({ type, value }) => [type, Number(value)]),
    );
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(moment / SECOND) * SECOND;
  }
}
