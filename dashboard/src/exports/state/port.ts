/** A run that has ended. */
export interface PastRun {
  /** Undefined if it failed before it had one. */
  readonly run: string | undefined;
  /** `schedule`, or the person who asked for it. */
  readonly by: string;
  /** The dashboard that did it. */
  readonly instance: string;
  /** ISO 8601 in UTC. */
  readonly begunAt: string;
  readonly endedAt: string;
  readonly rows: number | undefined;
  readonly bytes: number | undefined;
  /** Where it is, for people. */
  readonly place: string | undefined;
  /** Why it failed, in words; undefined if it did not. */
  readonly why: string | undefined;
}

/** A run that goes on. */
export interface CurrentRun {
  /** Of this run alone. */
  readonly token: string;
  readonly by: string;
  readonly instance: string;
  readonly begunAt: string;
}

/**
 * Where dashboards agree on which of them exports, and what they remember of past runs. Every call is atomic, and rejects with RetryableError
 * where that cannot be reached.
 */
export interface ExportState {
  /** Takes the lease of an export for `milliseconds`, or renews that with this token. @returns whether it is held */
  hold(name: string, current: CurrentRun, milliseconds: number): Promise<boolean>;
  /** Gives the lease back, if it is held with this token. */
  release(name: string, token: string): Promise<void>;
  /** Who holds the lease. */
  current(name: string): Promise<CurrentRun | undefined>;
  note(name: string, run: PastRun): Promise<void>;
  /** The newest first. */
  past(name: string): Promise<PastRun[]>;
}

/** Runs of an export that are remembered. */
export const REMEMBERED = 30;

/** For a dashboard without Redis: it is the only one. */
export function memoryExportState(): ExportState {
  const holders = new Map<string, CurrentRun>();
  const runs = new Map<string, PastRun[]>();
  return {
    async hold(name, current) {
      const holder = holders.get(name);
      if (holder !== undefined && holder.token !== current.token) return false;
      holders.set(name, current);
      return true;
    },
    async release(name, token) {
      if (holders.get(name)?.token === token) holders.delete(name);
    },
    current: async (name) => holders.get(name),
    async note(name, run) {
      runs.set(name, [run, ...(runs.get(name) ?? [])].slice(0, REMEMBERED));
    },
    past: async (name) => runs.get(name) ?? [],
  };
}
