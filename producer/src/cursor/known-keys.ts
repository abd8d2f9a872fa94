/** A key that an endpoint brought. */
export interface KnownKey {
  readonly key: string;
  /** The largest version under which it came, as orders have it (see versionOrder); '' without one. */
  readonly version: string;
  /** The API marked it as deleted when it came last: its tombstone has been published. */
  readonly isMarked: boolean;
}

/**
 * Which keys each endpoint has brought, so that a complete walk shows which are gone. A key is noted before its record is
 * published, and buried when its tombstone is confirmed: a crash in between repeats the tombstone, and loses none. Buried keys stay
 * known, because the tombstone may be lost later with a queue, or with what landed after a backup of the output.
 */
export interface KnownKeys {
  /**
   * Opens the keys of an endpoint for one run.
   *
   * @param id of the endpoint
   * @param run the number of the run, higher than any before
   * @param kind what the keys are: those of another kind cannot be compared, and are forgotten
   * @param heldAs the endpoint under whose lease it is polled: of a child, the one whose run it is; itself unless given
   */
  open(id: string, run: number, kind: string, heldAs?: string): RunKeys;
  /**
   * Raises the versions of keys that an endpoint has brought, because another one that notes no keys brought them later. Otherwise
   * the tombstone would be older than the row. Keys that the endpoint does not know stay unknown, and buried ones are forgotten: they are
   * back, and not by this endpoint.
   * @param id of the endpoint that notes keys
   */
  hear(id: string, keys: readonly Pick<KnownKey, 'key' | 'version'>[]): Promise<void>;
}

/** The keys of one endpoint, within one run. Calls may overlap; they take effect in their order. */
export interface RunKeys {
  /**
   * Begins a walk: what is noted from now on, it has seen. To be called before all else.
   * @throws RetryableError if another producer holds the endpoint by now; so do all other calls
   */
  begin(): Promise<void>;
  /** @throws RetryableError if another producer holds the endpoint by now */
  held(): Promise<void>;
  /**
   * Notes keys, each once.
   * @returns how many of them earlier runs had brought, and not as deleted
   * @throws RetryableError if what the walk had noted is lost; so do all calls below
   */
  note(keys: readonly KnownKey[]): Promise<number>;
  /**
   * What the walk has not seen, in batches. A key may come twice. Keys may be buried meanwhile.
   * @param evenBuried whether buried keys come too, as if they were marked
   */
  missing(evenBuried?: boolean): AsyncGenerator<readonly KnownKey[], void, undefined>;
  /**
   * Forgets those of the keys that another endpoint has too, in one step: of two endpoints that both miss a key, only one
   * leaves it to the other. The other learns the version, if it is the larger: otherwise its tombstone would be older than the row.
   * @param others ids of the other endpoints
   * @returns the keys that only this endpoint has
   */
  claim(keys: readonly KnownKey[], others: readonly string[]): Promise<readonly KnownKey[]>;
  /** The keys that {@link claim} would give, without forgetting the others. */
  own(keys: readonly KnownKey[], others: readonly string[]): Promise<readonly KnownKey[]>;
  /** Those of the keys that this endpoint has brought, and not as deleted when they came last. */
  live(keys: readonly string[]): Promise<ReadonlySet<string>>;
  /** The tombstones of these keys are confirmed. A key that the walk has seen meanwhile is not buried. */
  bury(keys: readonly KnownKey[]): Promise<void>;
  /** Every key but the buried ones, in batches. */
  all(): AsyncGenerator<readonly KnownKey[], void, undefined>;
}

interface Noted extends KnownKey {
  readonly run: number;
  readonly walk: number;
  readonly isBuried: boolean;
}

interface KeysOfEndpoint {
  readonly kind: string;
  readonly keys: Map<string, Noted>;
}

/** Keys in memory, for one process: they are lost when it ends. */
export function memoryKnownKeys(): KnownKeys {
  const endpoints = new Map<string, KeysOfEndpoint>();
  return {
    open: (id, run, kind) => new MemoryRunKeys(endpoints, id, run, kind),
    async hear(id, keys) {
      const known = endpoints.get(id)?.keys;
      for (const { key, version } of keys) {
        const noted = known?.get(key);
        if (noted?.isBuried === true) known?.delete(key);
        else if (noted !== undefined && version > noted.version) known?.set(key, { ...noted, version });
      }
    },
  };
}

class MemoryRunKeys implements RunKeys {
  readonly #endpoints: Map<string, KeysOfEndpoint>;
  readonly #id: string;
  readonly #run: number;
  readonly #kind: string;
  #walk = 0;

  constructor(endpoints: Map<string, KeysOfEndpoint>, id: string, run: number, kind: string) {
    this.#endpoints = endpoints;
    this.#id = id;
    this.#run = run;
    this.#kind = kind;
  }

  async begin(): Promise<void> {
    this.#walk += 1;
    if (this.#endpoints.get(this.#id)?.kind === this.#kind) return;
    this.#endpoints.set(this.#id, { kind: this.#kind, keys: new Map() });
  }

  async held(): Promise<void> {}

  async note(keys: readonly KnownKey[]): Promise<number> {
    let earlier = 0;
    for (const { key, version, isMarked } of keys) {
      const known = this.#keys.get(key);
      if (known !== undefined && known.run !== this.#run && !known.isMarked) earlier += 1;
      // Orders are ASCII, which sorts here as it does byte by byte.
      const largest = known !== undefined && known.version > version ? known.version : version;
      this.#keys.set(key, { key, version: largest, isMarked, run: this.#run, walk: this.#walk, isBuried: false });
    }
    return earlier;
  }

  async *missing(evenBuried = false): AsyncGenerator<readonly KnownKey[], void, undefined> {
    const missing = [...this.#keys.values()].filter((noted) => !this.#isSeen(noted) && (evenBuried || !noted.isBuried));
    if (missing.length > 0) yield missing;
  }

  async claim(keys: readonly KnownKey[], others: readonly string[]): Promise<readonly KnownKey[]> {
    for (const { key } of keys) {
      const version = this.#keys.get(key)?.version ?? '';
      for (const other of others) {
        const its = this.#endpoints.get(other)?.keys;
        const noted = its?.get(key);
        if (noted?.isBuried !== false) continue;
        if (version > noted.version) its?.set(key, { ...noted, version });
        this.#keys.delete(key);
      }
    }
    // Another endpoint that left a key to this one may have raised its version since it was listed.
    return keys.flatMap((one) => {
      const noted = this.#keys.get(one.key);
      return noted === undefined ? [] : [{ ...one, version: noted.version }];
    });
  }

  async own(keys: readonly KnownKey[], others: readonly string[]): Promise<readonly KnownKey[]> {
    const isElsewhere = (key: string) =>
      others.some((other) => this.#endpoints.get(other)?.keys.get(key)?.isBuried === false);
    return keys.filter(({ key }) => !isElsewhere(key));
  }

  async live(keys: readonly string[]): Promise<ReadonlySet<string>> {
    return new Set(keys.filter((key) => this.#keys.get(key)?.isMarked === false));
  }

  async bury(keys: readonly KnownKey[]): Promise<void> {
    for (const { key } of keys) {
      const noted = this.#keys.get(key);
      if (noted === undefined || this.#isSeen(noted)) continue;
      this.#keys.set(key, { ...noted, isMarked: true, isBuried: true });
    }
  }

  async *all(): AsyncGenerator<readonly KnownKey[], void, undefined> {
    const keys = [...this.#keys.values()].filter(({ isBuried }) => !isBuried);
    if (keys.length > 0) yield keys;
  }

  get #keys(): Map<string, Noted> {
    return this.#endpoints.get(this.#id)?.keys ?? new Map();
  }

  #isSeen({ run, walk }: Noted): boolean {
    return run === this.#run && walk === this.#walk;
  }
}
