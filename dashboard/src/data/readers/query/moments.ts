import type { FieldType } from '@tributary/shared';
import type { QueryColumn } from './dialect.js';

export const isTime = (type: FieldType): boolean => type === 'datetime' || type === 'date';

/** A value of a column of times, from its milliseconds since 1970; null for none. */
export function momentOf({ column: { type } }: QueryColumn, milliseconds: number | undefined): string | null {
  const time = timeOf(milliseconds);
  return type === 'date' ? (time?.slice(0, 10) ?? null) : time;
}

/** Null for none, and for one that no Date of JavaScript holds: databases have such. */
export function timeOf(milliseconds: unknown): string | null {
  if (milliseconds === null || milliseconds === undefined) return null;
  const date = new Date(Number(milliseconds));
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}
