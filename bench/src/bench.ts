import type { ReleaseList } from '@tributary/shared';
import type { Servers } from './servers.js';

/** What every figure is measured with. */
export interface Bench {
  /** Fewer records and rounds: done in minutes, and rougher. */
  readonly quick: boolean;
  readonly servers: Servers;
  /** For output, logs and whatever else is made; it is gone after the run. */
  readonly folder: string;
  /** What the processes get beside their own settings: PATH, HOME and the like. */
  readonly environment: Readonly<Record<string, string>>;
  /** Where each process leaves its CPU profile; undefined for none. */
  readonly profiles: string | undefined;
  readonly say: (line: string) => void;
  /** Aborted to break off. */
  readonly signal: AbortSignal;
  /** Released after the run, in reverse. */
  readonly release: ReleaseList;
}

/** How much is measured. */
export interface Size {
  readonly records: number;
  readonly rounds: number;
}

/** A quarter of the records; the limits, which amqplib sets in a process that has done it before, need none. */
export const warmUpOf = (records: number): number => Math.floor(records / 4);

export const sizeOf = ({ quick }: Bench, sizes: { readonly quick: Size; readonly full: Size }): Size =>
  quick ? sizes.quick : sizes.full;
