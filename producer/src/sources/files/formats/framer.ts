/** Records that were found in a piece of a file, and where each begins. */
export interface Batch {
  readonly records: unknown[];
  /** By record: the number of its first line, or its own number where there are no lines, from 1. */
  readonly numbers: number[];
}

/** Where the reading of a file stands, between two records. */
export interface Standing {
  /** Bytes of the file's text, unpacked, that were read. */
  readonly at: number;
  /** Lines, or records, that were read. */
  readonly number: number;
}

/** Finds the records in the text of a file, which comes in pieces. */
export interface Framer {
  /** What is counted, for people: `line` or `record`. */
  readonly unit: 'line' | 'record';
  /** Behind the last record that was given; undefined in the middle of one that is read over. */
  readonly standing: Standing | undefined;
  /** @param bytes all that was not used of the pieces before, and the next piece */
  load(bytes: Buffer, isLast: boolean): void;
  /** Adds records until there are `limit`. @returns false when it needs the next piece for more */
  frame(batch: Batch, limit: number): boolean;
  /** How many of the bytes that were loaded are used up. */
  readonly used: number;
}

export const emptyBatch = (): Batch => ({ records: [], numbers: [] });
