import type { Endpoint } from '../endpoint.js';

/** A saved mark further ahead of the clock than this, in milliseconds, came from a clock that was wrong. */
const MAX_CLOCK_ERROR = 3_600_000;

/** The overlap of versions that are times. */
const DEFAULT_OVERLAP = { milliseconds: 5_000 };

/**
 * Whole numbers that count time since 1970, told apart by their size: seconds, milliseconds, micro- and nanoseconds. Smaller
 * numbers are a sequence, which says nothing about time. (Identifiers made of the time, as those of Twitter, are as large as
 * nanoseconds, and grow as those do.)
 */
const EPOCH_UNITS = [
  { from: 1e8, perMillisecond: 0.001 },
  { from: 1e11, perMillisecond: 1 },
  { from: 1e14, perMillisecond: 1_000 },
  { from: 1e17, perMillisecond: 1_000_000 },
] as const;

/**
 * How far an incremental endpoint has come: the largest version seen, but never past the moment the run began. A record
 * that changes during a long run may be on a page already read, and be older than the newest record of a later page; only
 * the next run finds it. The limit also keeps a record dated in the future from hiding all changes until then.
 */
export class HighWaterMark {
  readonly #kind: 'time' | 'integer' | 'text';
  /** In milliseconds; in numbers for a sequence. */
  readonly #overlap: number;
  readonly #incremental: boolean;
  readonly #isSequence: boolean;
  readonly #saved: string | undefined;
  #limit: number;
  /** The largest number that was there when the run began; undefined if nothing tells. */
  #newest: string | undefined;
  #largest: string;
  /** The largest whole number of each kind, as its digits: sequence, seconds, milliseconds, micro- and nanoseconds. */
  readonly #numbers = ['', '', '', '', ''];

  /**
   * @param saved the mark of the last complete run
   * @param startedAt when this run began, in milliseconds since the epoch
   */
  constructor({ config, entity }: Endpoint, saved: string | undefined, startedAt: number) {
    const { version = '', fields } = entity.config;
    const type = fields[version]?.type;
    this.#kind = type === 'integer' ? 'integer' : type === 'string' ? 'text' : 'time';
    const { overlap = DEFAULT_OVERLAP } = config.incremental ?? {};
    this.#incremental = config.incremental !== undefined;
    this.#isSequence = typeof overlap === 'number';
    this.#overlap = typeof overlap === 'number' ? overlap : overlap.milliseconds;
    this.#limit = startedAt;
    this.#saved = saved;
    this.#largest = saved ?? '';
  }

  /** The version from which the API is asked for changes: the saved mark less the overlap; undefined for everything. */
  since(): string | undefined {
    if (this.#saved === undefined || !this.#incremental) return undefined;
    if (this.#kind === 'text') return this.#saved;
    if (this.#kind === 'integer') {
      // The settings say that it is a sequence, so its size does not matter.
      if (this.#isSequence) return less(this.#saved, this.#overlap);
      const unit = epochUnit(Number(this.#saved));
      if (unit === undefined) return this.#saved;
      if (Number(this.#saved) > (this.#limit + MAX_CLOCK_ERROR) * unit.perMillisecond) return undefined;
      return less(this.#saved, this.#overlap * unit.perMillisecond);
    }
    const saved = Date.parse(toMilliseconds(this.#saved));
    return Number.isNaN(saved) || saved > this.#limit + MAX_CLOCK_ERROR
      ? undefined
      : new Date(saved - this.#overlap).toISOString();
  }

  /** Notes a record's version, as the entity normalises it; '' for a record without one. */
  see(version: string): void {
    if (this.#kind !== 'integer') {
      if (isLater(version, this.#largest)) this.#largest = version;
      return;
    }
    const value = Number(version);
    const kind = EPOCH_UNITS.findLastIndex(({ from }) => value >= from) + 1;
    this.#numbers[kind] = larger(version, this.#numbers[kind] ?? '');
  }

  /**
   * Notes the API's own clock (its Date header). Versions come from that clock; if it is behind ours, this run began at an
   * earlier time there.
   */
  seeClock(serverTime: number | undefined): void {
    if (serverTime !== undefined && serverTime < this.#limit) this.#limit = serverTime;
  }

  /**
   * Notes the largest number of a sequence when the run began. A number below it that is committed later must not be passed by more than the
   * overlap, however many larger ones are read meanwhile.
   */
  seeNewest(version: string | undefined): void {
    this.#newest ??= version;
  }

  /** The mark to save; undefined if no record had a version. */
  reached(): string | undefined {
    if (!this.#incremental) return undefined;
    if (this.#kind === 'integer') return this.#reachedNumber();
    if (this.#largest === '') return undefined;
    const limit = new Date(this.#limit).toISOString();
    if (this.#kind === 'time' && isLater(this.#largest, limit)) return limit;
    return this.#largest;
  }

  /** Whether the mark is a time, which never passes the moment the run began; a sequence has no such moment. */
  get isTime(): boolean {
    if (this.#kind !== 'integer') return this.#kind === 'time';
    return !this.#isSequence && epochUnit(Number(this.#reachedNumber() ?? 0)) !== undefined;
  }

  #reachedNumber(): string | undefined {
    if (this.#isSequence) {
      const seen = this.#numbers.reduce(larger, '');
      const within = this.#newest === undefined || larger(seen, this.#newest) === this.#newest ? seen : this.#newest;
      return larger(within, this.#saved ?? '') || undefined;
    }
    // An API uses one unit. A number far in the future may look like a larger unit, so the smallest one seen counts.
    const seen = this.#numbers.find((digits) => digits !== '') ?? '';
    const reached = larger(seen, this.#saved ?? '');
    if (reached === '') return undefined;
    const unit = epochUnit(Number(seen === '' ? reached : seen));
    if (unit === undefined) return reached;
    const limit = String(BigInt(Math.floor(this.#limit * unit.perMillisecond)));
    return larger(reached, limit) === limit ? reached : limit;
  }
}

/** The earlier of two marks of one endpoint. */
export function earlierMark({ entity }: Pick<Endpoint, 'entity'>, a: string, b: string): string {
  const { version = '', fields } = entity.config;
  const isFirstLater = fields[version]?.type === 'integer' ? larger(a, b) === a : isLater(a, b);
  return isFirstLater ? b : a;
}

/** Of two versions of different length the Z at the end would decide, and not the digit that stands there in the other. */
const isLater = (version: string, than: string): boolean =>
  version.length === than.length ? version > than : version.replace(/Z$/, '') > than.replace(/Z$/, '');

/** Date.parse takes a fraction of ten digits and more for another time. */
const toMilliseconds = (instant: string): string => instant.replace(/(\.\d{3})\d+Z$/, '$1Z');

/** The larger of two whole numbers, as their digits; '' is less than any. A double would confuse those of 17 digits and more. */
const larger = (a: string, b: string): string => ((a.length === b.length ? a > b : a.length > b.length) ? a : b);

/** A whole number less so much, rounded down; not below zero. */
function less(digits: string, amount: number): string {
  const rest = BigInt(digits) - BigInt(Math.ceil(amount));
  return String(rest < 0n ? 0n : rest);
}

const epochUnit = (value: number) => EPOCH_UNITS.findLast(({ from }) => value >= from);
