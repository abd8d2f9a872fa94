/** What a person can ask of an endpoint, at any producer, and its holder has to do. */
export type AskedAction = 'run' | 'restart';

/** The state of an endpoint, as the answer to a claim. */
export interface EndpointClaim {
  /** The number of the lease, higher than that of every lease before; undefined if this producer does not hold it. */
  readonly fence: number | undefined;
  /** The producer that holds the lease; undefined if none does. */
  readonly holder: string | undefined;
  readonly paused: boolean;
  /** What a person asked for since the last claim. Only the holder receives it, and only once. */
  readonly asked: AskedAction | undefined;
}

/** Where producers agree on which of them polls which endpoint. Every call is atomic. */
export interface LeaseTable {
  /**
   * Announces this producer and the endpoints that it knows.
   * @param length how long the announcement is valid, in milliseconds
   * @param now by its own clock, in milliseconds since the epoch: no run begins at an earlier time (see CursorStore)
   * @returns the endpoints that each announced producer knows, this one included
   */
  announce(me: string, endpoints: readonly string[], length: number, now: number): Promise<Map<string, string[]>>;
  /** Renews or takes the leases that are wanted (true) and free, for `length` milliseconds; gives back the others. */
  claim(me: string, wishes: ReadonlyMap<string, boolean>, length: number): Promise<Map<string, EndpointClaim>>;
  /** Gives back every lease and withdraws the announcement. */
  leave(me: string): Promise<void>;
  /** Pauses an endpoint for all producers, also those that start later; or resumes it. */
  pause(endpoint: string, paused: boolean): Promise<void>;
  /** Asks the holder of an endpoint, which learns it at its next claim. */
  ask(endpoint: string, action: AskedAction): Promise<void>;
}

/** The table in memory, for a single producer. */
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
