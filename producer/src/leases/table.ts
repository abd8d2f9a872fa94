/** What an endpoint can be asked to do by a person, at whichever producer. */
export type AskedAction = 'run' | 'restart';

/** How an endpoint stands, as of a claim. */
export interface EndpointClaim {
  /** Higher than that of every lease before it; undefined if the lease is another producer's, or nobody's. */
  readonly fence: number | undefined;
  /** The producer that holds the lease; undefined if nobody does. */
  readonly holder: string | undefined;
  readonly paused: boolean;
  /** What a person asked for since the last claim; only the holder is told, and once. */
  readonly asked: AskedAction | undefined;
}

/** Where producers agree on who polls what. Every call takes effect at once and as a whole. */
export interface LeaseTable {
  /**
   * Says that this producer lives, for so many milliseconds more, and which endpoints it knows.
   * @param now by its own clock, in milliseconds since the epoch: no run begins at an earlier time (see CursorStore)
   * @returns the endpoints that each living producer knows, this one included
   */
  announce(me: string, endpoints: readonly string[], length: number, now: number): Promise<Map<string, string[]>>;
  /** Renews or takes, for so many milliseconds, the leases that are wanted (true) and free; gives back the others. */
  claim(me: string, wishes: ReadonlyMap<string, boolean>, length: number): Promise<Map<string, EndpointClaim>>;
  /** Gives everything back and lives no more. */
  leave(me: string): Promise<void>;
  /** Pauses an endpoint for all producers, and for those to come; or lets it go on. */
  pause(endpoint: string, paused: boolean): Promise<void>;
  /** Asks the holder of an endpoint, now or at its next claim. */
  ask(endpoint: string, action: AskedAction): Promise<void>;
}

/** The table in memory, for a producer that has nobody to share with. */
export function memoryLeaseTable(): LeaseTable {
  const paused = new Set<string>();
  const asked = new Map<string, AskedAction>();
  const fences = new Map<string, { fence: number; holder: string | undefined }>();
  const living = new Map<string, string[]>();
  return {
    async announce(me, endpoints) {
      living.set(me, [...endpoints]);
      return new Map(living);
    },
    async claim(me, wishes) {
      const answers = new Map<string, EndpointClaim>();
      for (const [endpoint, wanted] of wishes) {
        let lease = fences.get(endpoint) ?? { fence: 0, holder: undefined };
        if (wanted && lease.holder === undefined) lease = { fence: lease.fence + 1, holder: me };
        if (!wanted && lease.holder === me) lease = { ...lease, holder: undefined };
        fences.set(endpoint, lease);
        const mine = lease.holder === me;
        const action = mine ? asked.get(endpoint) : undefined;
        if (mine) asked.delete(endpoint);
        const fence = mine ? lease.fence : undefined;
        answers.set(endpoint, { fence, holder: lease.holder, paused: paused.has(endpoint), asked: action });
      }
      return answers;
    },
    async leave(me) {
      living.delete(me);
      for (const [endpoint, lease] of fences) {
        if (lease.holder === me) fences.set(endpoint, { ...lease, holder: undefined });
      }
    },
    async pause(endpoint, isPaused) {
      if (isPaused) paused.add(endpoint);
      else paused.delete(endpoint);
    },
    async ask(endpoint, action) {
      asked.set(endpoint, action);
    },
  };
}
