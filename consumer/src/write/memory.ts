import { sizeOf } from '../intake/packed.js';
import type { Entry } from '../merge/merge.js';

/** Bytes for each byte of a record's message: its text, its values, and what they are written as. */
const FOR_A_BYTE = 4;

/** Bytes for a row, beside its values. */
const FOR_A_ROW = 1_000;

/** The memory that a record takes which waits to be written, about: measured with small records, and rounded. */
export const memoryOf = ({ claimed, merged }: Entry): number =>
  sizeOf(claimed.delivery.message) * FOR_A_BYTE + (1 + merged.length) * FOR_A_ROW;
