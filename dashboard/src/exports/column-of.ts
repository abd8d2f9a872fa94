import { FatalError } from '@tributary/shared';
import type { SqlColumn } from '../sql/port.js';

/** What of an export names columns: the code of its fault, and where the name stands. */
const PLACES = {
  split: { code: 'export_split', path: 'split.by' },
  privacy: { code: 'export_privacy', path: 'privacy' },
} as const;

/** @throws FatalError if nothing of what is exported has that name */
export function columnOf(name: string, columns: readonly SqlColumn[], of: keyof typeof PLACES): SqlColumn {
  const found = columns.find((column) => column.name === name);
  if (found !== undefined) return found;
  const { code, path } = PLACES[of];
  const names = columns.map((column) => column.name).join(', ');
  throw new FatalError(code, `${path}: "${name}" is no column of what is exported; expected one of ${names}`);
}
