import { isMapping, RetryableError } from '@tributary/shared';

/** How the records lie in what `items` leads to. */
export type Arrangement =
  /** A list of records. */
  | { readonly as: 'list' }
  /** One record. */
  | { readonly as: 'single' }
  /** An object with a record for each name: `{"A": {…}, "B": {…}}`; the name becomes `$key`. */
  | { readonly as: 'map' }
  /** An object with a list for each column: `{"time": […], "temperature": […]}`. */
  | { readonly as: 'columns' }
  /** A list of lists of cells; `header` names the columns, `first` takes the names from the first row. */
  | { readonly as: 'rows'; readonly header: 'first' | readonly unknown[] };

/**
 * The records in what `items` leads to. `null` means none, as many APIs say it.
 *
 * @param found what lies at the path
 * @param where the path, for the words of an error
 * @throws RetryableError if it is not what the arrangement says; the words tell what it is, and which arrangement fits
 */
export function arrangeRecords(found: unknown, arrangement: Arrangement, where: string): unknown[] {
  if (found === null) return [];
  switch (arrangement.as) {
    case 'list':
      if (!Array.isArray(found)) throw misplaced(where, found, 'a list of records');
      return found;
    case 'single':
      if (!isMapping(found)) throw misplaced(where, found, 'one record');
      return [found];
    case 'map':
      if (!isMapping(found)) throw misplaced(where, found, 'an object with a record for each name');
      return Object.entries(found).map(([key, value]) => recordOfEntry(key, value));
    case 'columns':
      if (!isMapping(found)) throw misplaced(where, found, 'an object with a list for each column');
      return recordsOfColumns(found, where);
    case 'rows':
      if (!Array.isArray(found)) throw misplaced(where, found, 'a list of rows');
      return recordsOfRows(found, arrangement.header, where);
  }
}

/** In XML an element without content is empty text, and one alone is no list. */
export const asList = (found: unknown): unknown => {
  if (found === '' || found === null) return [];
  return Array.isArray(found) || found === undefined ? found : [found];
};

function recordOfEntry(key: string, value: unknown): Record<string, unknown> {
  const record: Record<string, unknown> = Object.create(null);
  record.$key = key;
  return isMapping(value) ? Object.assign(record, value) : Object.assign(record, { $value: value });
}

/** What is no list (a unit, a name) belongs to every record. */
function recordsOfColumns(columns: Record<string, unknown>, where: string): unknown[] {
  const lists = Object.entries(columns).filter((entry): entry is [string, unknown[]] => Array.isArray(entry[1]));
  const [first, ...others] = lists;
  if (first === undefined) throw misplaced(where, columns, 'an object with a list for each column');
  const uneven = others.find(([, list]) => list.length !== first[1].length);
  if (uneven !== undefined) {
    const lengths = `"${first[0]}" has ${first[1].length} values, "${uneven[0]}" has ${uneven[1].length}`;
    throw new RetryableError('columns_uneven', `${where} should hold columns of one length, but ${lengths}`);
  }
  return first[1].map((_, index) => {
    const record: Record<string, unknown> = Object.create(null);
    for (const [name, value] of Object.entries(columns)) record[name] = Array.isArray(value) ? value[index] : value;
    return record;
  });
}

/** A row with more cells than names, or one that is no list, is a record of its own, which the consumer dead-letters. */
function recordsOfRows(rows: readonly unknown[], header: 'first' | readonly unknown[], where: string): unknown[] {
  const [names, data] = header === 'first' ? [rows[0] ?? [], rows.slice(1)] : [header, rows];
  if (!Array.isArray(names)) throw misplaced(where, rows[0], 'a first row with the names of the columns');
  const columns = names.map((name) => nameOfColumn(name));
  return data.map((row) => {
    if (!Array.isArray(row) || row.length > columns.length) return row;
    const record: Record<string, unknown> = Object.create(null);
    for (const [index, cell] of row.entries()) record[columns[index] ?? ''] = cell;
    return record;
  });
}

/** Names stand alone, or in an object that describes the column. */
function nameOfColumn(column: unknown): string {
  const named = isMapping(column) ? (column.name ?? column.id ?? column.field ?? column.label) : column;
  return String(named);
}

function misplaced(where: string, found: unknown, expected: string): RetryableError {
  return new RetryableError('items_not_a_list', `${where} should be ${expected} and is ${described(found)}`);
}

/** What was found, and which arrangement would fit it. */
function described(found: unknown): string {
  if (found === undefined) return 'missing; if a page may lack it, put a "?" behind the path';
  if (Array.isArray(found)) return `a list${Array.isArray(found[0]) ? ' of lists (as: rows)' : ''}`;
  if (!isMapping(found)) return found === null ? 'null' : `a value of type ${typeof found}`;
  const values = Object.values(found);
  if (values.length > 0 && values.every(Array.isArray)) return 'a value of type object that holds lists (as: columns)';
  if (values.length > 1 && values.every(isMapping)) return 'a value of type object that holds objects (as: map)';
  const names = Object.keys(found).slice(0, 5).join(', ');
  return `a value of type object with the names ${names} (as: single, or a longer path)`;
}
