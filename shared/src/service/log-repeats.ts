/** So many lines of one kind are written in a minute. More would bury the others, and tell no more. */
const MOST = 10;
const WINDOW = 60_000;
/** So many kinds are counted at a time; lines of others are all written. */
const MOST_KINDS = 1_000;

interface Kind {
  written: number;
  leftOut: number;
  /** Writes how many were left out. */
  tell: (leftOut: number) => void;
  readonly timer: NodeJS.Timeout;
}

/** Counters with lines that are left out and not told yet. */
const untold = new Set<LogRepeats>();

/** Tells at once how many lines were left out: the process ends. */
export function tellLeftOut(): void {
  for (const repeats of [...untold]) repeats.close();
}

/** Leaves out lines of a log that were written often enough, and tells a minute after the first how many they were. */
export class LogRepeats {
  readonly #kinds = new Map<string, Kind>();

  /**
   * Whether a line is to be written.
   * @param kind the same for lines that tell the same
   * @param tell writes that so many were left out
   */
  takes(kind: string, tell: (leftOut: number) => void): boolean {
    const known = this.#kinds.get(kind);
    if (known === undefined) {
      if (this.#kinds.size >= MOST_KINDS) return true;
      const timer = setTimeout(() => this.#end(kind), WINDOW).unref();
      this.#kinds.set(kind, { written: 1, leftOut: 0, tell, timer });
      return true;
    }
    if (known.written < MOST) {
      known.written += 1;
      return true;
    }
    known.leftOut += 1;
    known.tell = tell;
    untold.add(this);
    return false;
  }

  /** Tells what was left out until now. */
  close(): void {
    for (const kind of [...this.#kinds.keys()]) this.#end(kind);
    untold.delete(this);
  }

  #end(kind: string): void {
    const known = this.#kinds.get(kind);
    if (known === undefined) return;
    clearTimeout(known.timer);
    this.#kinds.delete(kind);
    if (known.leftOut > 0) known.tell(known.leftOut);
  }
}
