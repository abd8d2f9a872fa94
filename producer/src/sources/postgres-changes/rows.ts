import type { Field } from '@tributary/shared';
import type { ResultColumn } from '../sql/database.js';
import { columnOf, type PostgresType, TYPES_BY_NUMBER } from '../sql/postgres/types.js';
import { rowReader } from '../sql/row.js';
import type { Session, TextRow } from './session.js';

const UNKNOWN: PostgresType = { name: 'unknown', category: 'X', element: undefined };

/** The types of a database by their numbers, asked for once each. */
export class Types {
  readonly #known = new Map<number, PostgresType>();

  /** A type may be changed under its number, as when an enum gets a value; what is read of it does not depend on that. */
  async columns(
    session: Session,
    columns: readonly { readonly name: string; readonly type: number }[],
  ): Promise<readonly ResultColumn[]> {
    const unknown = [...new Set(columns.map(({ type }) => type))].filter((type) => !this.#known.has(type));
    if (unknown.length > 0) {
      for (const [oid, name, category, element] of await session.query(TYPES_BY_NUMBER, [unknown])) {
        this.#known.set(Number(oid), { name: name ?? '', category: category ?? '', element: element ?? undefined });
      }
    }
    return columns.map(({ name, type }) => columnOf(name, this.#known.get(type) ?? UNKNOWN));
  }
}

/** Makes raw records of rows, in the same form for a row that was copied and one that was streamed. */
export type ReadRow = (row: TextRow) => Record<string, unknown>;

export const readRows = (columns: readonly ResultColumn[], fields: Readonly<Record<string, Field>>): ReadRow =>
  rowReader(columns, fields);
