import type { Endpoint } from '../endpoint.js';

/** A saved mark further ahead of the clock than this, in milliseconds, came from a clock that was wrong. */
const MAX_CLOCK_ERROR = 3_600_000;

/** The overlap of versions that are times. */
const DEFAULT_OVERLAP = { milliseconds: 5_000 };

/**
 * Whole numbers that count time since 1970, told apart by their size: seconds, milliseconds, microseconds. Smaller numbers
 * are a sequence, which says nothing about time.
 */
const EPOCH_UNITS = [
  { from: 1e8, perMillisecond: 0.001 },
  { from: 1e11, perMillisecond: 1 },
  { from: 1e14, perMillisecond: 1_000 },
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
  #largest: string;
  /** The largest whole number of each kind: sequence, seconds, milliseconds, microseconds. */
  readonly #numbers = [-1, -1, -1, -1];

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
      const saved = Number(this.#saved);
      // The settings say that it is a sequence, so its size does not matter.
      if (this.#isSequence) return String(Math.max(0, saved - this.#overlap));
      const unit = epochUnit(saved);
      if (unit === undefined) return this.#saved;
      if (saved > (this.#limit + MAX_CLOCK_ERROR) * unit.perMillisecond) return undefined;
      return String(Math.floor(saved - this.#overlap * unit.perMillisecond));
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
    const value = version === '' ? -1 : Number(version);
    const kind = EPOCH_UNITS.findLastIndex(({ from }) => value >= from) + 1;
    if (value > (this.#numbers[kind] ?? -1)) this.#numbers[kind] = value;
  }

  /**
   * Notes the API's own clock (its Date header). Versions come from that clock; if it is behind ours, this run began at an
   * earlier time there.
   */
  seeClock(serverTime: number | undefined): void {
    if (serverTime !== undefined && serverTime < this.#limit) this.#limit = serverTime;
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
      const largest = Math.max(...this.#numbers, this.#saved === undefined ? -1 : Number(this.#saved));
      return largest >= 0 ? String(largest) : undefined;
    }
    // An API uses one unit. A number far in the future may look like a larger unit, so the smallest one seen counts.
    const kind = this.#numbers.findIndex((value) => value >= 0);
    const seen = this.#numbers[kind] ?? -1;
    const reached = Math.max(seen, this.#saved === undefined ? -1 : Number(this.#saved));
    if (!(reached >= 0)) return undefined;
    const unit = epochUnit(seen >= 0 ? seen : reached);
    return String(unit === undefined ? reached : Math.min(reached, Math.floor(this.#limit * unit.perMillisecond)));
  }
}

/** Of two versions of different length the Z at the end would decide, and not the digit that stands there in the other. */
const isLater = (version: string, than: string): boolean =>
  version.length === than.length ? version > than : version.replace(/Z$/, '') > than.replace(/Z$/, '');

/** Date.parse takes a fraction of ten digits and more for another time. */
const toMilliseconds = (instant: string): string => instant.replace(/(\.\d{3})\d+Z$/, '$1Z');

const epochUnit = (value: number) => EPOCH_UNITS.findLast(({ from }) => value >= from);
