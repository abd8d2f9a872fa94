import type { ReleaseList } from '@tributary/shared';
import type { Servers } from './servers.js';

/** What a figure needs to be measured. */
export interface Bench {
  /** Fewer records and rounds: takes minutes, less exact. */
  readonly quick: boolean;
  readonly servers: Servers;
  /** For output, logs and other files; removed after the run. */
  readonly folder: string;
  /** The variables that every process gets besides its own settings: PATH, HOME and the like. */
  readonly environment: Readonly<Record<string, string>>;
  /** The folder for the CPU profiles of the processes; undefined for no profiles. */
  readonly profiles: string | undefined;
  readonly say: (line: string) => void;
  /** Aborted when the bench is stopped. */
  readonly signal: AbortSignal;
  /** Released after the run, in reverse order. */
  readonly release: ReleaseList;
}

/** How much is measured. */
export interface Size {
  readonly records: number;
  readonly rounds: number;
}

/** A quarter of the records. The limits need no warm-up: amqplib has already run in that process. */
export const warmUpOf = (records: number): number => Math.floor(records / 4);

export const sizeOf = ({ quick }: Bench, sizes: { readonly quick: Size; readonly full: Size }): Size =>
  quick ? sizes.quick : sizes.full;
