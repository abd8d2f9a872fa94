import { type FieldType, type PathStep, pathToName, type Unit } from '@tributary/shared';
import type { Scalar } from './tree.js';

/** A column that records are worth. */
export interface Column {
  readonly name: string;
  readonly path: string;
  readonly steps: readonly PathStep[];
  /** What it is called after: mostly its steps. */
  readonly label: readonly PathStep[];
  readonly type: FieldType;
  readonly unit?: Unit | undefined;
  readonly format?: string | undefined;
  /** For a list: the columns of its items. */
  readonly items?: readonly Column[];
  /** In how many of the records it holds something. */
  readonly filled: number;
  /** By record; undefined where it holds nothing. */
  readonly values: readonly (Scalar | undefined)[];
  readonly reason?: string | undefined;
  readonly isSure: boolean;
}

/** "1. open" and "2. high", as some number their columns. */
export const NUMBERED = /^\d+\.\s+(?=\p{L})/u;

export const pathOf = (steps: readonly PathStep[]): string =>
  `$${steps.map((step) => (typeof step === 'number' ? `[${step}]` : pathToName(step).text.slice(1))).join('')}`;
