/** What a Redis server holds, without its commands. Times are milliseconds of the given clock. */
export class MemoryStore {
  /** The id of this run of the server. */
  run = 'run1';
  strings = new Map<string, { readonly value: string; readonly expires: number }>();
  hashes = new Map<string, Map<string, string>>();
  sortedSets = new Map<string, Map<string, number>>();
  sets = new Map<string, Set<string>>();

  readonly now: () => number;

  constructor(now: () => number) {
    this.now = now;
  }

  get(key: string): string | null {
    const found = this.strings.get(key);
    return found !== undefined && found.expires > this.now() ? found.value : null;
  }

  set(key: string, value: string, milliseconds = Number.POSITIVE_INFINITY): void {
    this.strings.set(key, { value, expires: this.now() + milliseconds });
  }

  hash(key: string): Map<string, string> {
    return getOrMake(this.hashes, key, () => new Map());
  }

  sortedSet(key: string): Map<string, number> {
    return getOrMake(this.sortedSets, key, () => new Map());
  }

  setOf(key: string): Set<string> {
    return getOrMake(this.sets, key, () => new Set());
  }

  /** Members of one score from `from` on, byte by byte (ZRANGEBYLEX). */
  membersFrom(key: string, from: string, inclusive: boolean): string[] {
    return [...this.sortedSet(key).keys()]
      .filter((member) => !before(member, from) && (inclusive || member !== from))
      .sort((a, b) => (before(a, b) ? -1 : 1));
  }

  keys(): string[] {
    return [this.strings, this.hashes, this.sortedSets, this.sets].flatMap((kind) => [...kind.keys()]);
  }

  delete(key: string): void {
    for (const kind of [this.strings, this.hashes, this.sortedSets, this.sets]) kind.delete(key);
  }

  flush(): void {
    for (const kind of [this.strings, this.hashes, this.sortedSets, this.sets]) kind.clear();
  }

  /** A copy of everything, like an RDB file. */
  snapshot(): () => void {
    const { strings, hashes, sortedSets, sets } = structuredClone({
      strings: this.strings,
      hashes: this.hashes,
      sortedSets: this.sortedSets,
      sets: this.sets,
    });
    return () => Object.assign(this, structuredClone({ strings, hashes, sortedSets, sets }));
  }
}

/** Byte by byte, as `before` of prelude.lua does. */
export const before = (a: string, b: string): boolean => Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0;

function getOrMake<T>(map: Map<string, T>, key: string, make: () => T): T {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}
