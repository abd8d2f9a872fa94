import { count } from '@tributary/shared';
import type { Description } from '../sources/port.js';

/** What a source reads, in lines for a person. */
export function describeSource({ name, columns, key, rows, bytes }: Description): string {
  const size = rows === undefined ? '' : `, about ${count(rows, 'row')}`;
  const stored = bytes === undefined ? '' : `, ${inUnits(bytes)}`;
  const lines = columns.map(
    ({ name: column, type, nullable }) =>
      `  ${column}: ${type}${key.includes(column) ? ', of the key' : ''}${nullable === false ? ', not null' : ''}`,
  );
  return [`${name}${size}${stored}${key.length === 0 ? ', without a primary key' : ''}`, ...lines].join('\n');
}

const UNITS = ['bytes', 'KB', 'MB', 'GB', 'TB'];

/** A size in bytes, as people write it. */
export function inUnits(bytes: number): string {
  const unit = Math.min(UNITS.length - 1, Math.floor(Math.log2(Math.max(bytes, 1)) / 10));
  return `${Math.round(bytes / 1_024 ** unit)} ${UNITS[unit]}`;
}
