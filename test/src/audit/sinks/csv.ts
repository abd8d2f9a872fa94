import {
  type Dataset,
  decodeCell,
  encodeCell,
  type Field,
  isNeutralised,
  listParts,
  type Neutralised,
  type SinkConfig,
  SYSTEM_COLUMNS,
} from '@tributary/shared';
import { readCsvLines } from './csv-lines.js';
import type { Flaw, StoredRow, StoredRows } from './port.js';

const TEXT: Field = { type: 'string', optional: false, maxLength: Number.MAX_SAFE_INTEGER };
const BOOLEAN: Field = { ...TEXT, type: 'boolean' };

/**
 * The parts of a CSV output, each line looked at for itself.
 * @param live whether the last line of a part may be under way, and is no fault then
 */
export function csvRows(config: SinkConfig['csv'], live: boolean): StoredRows {
  return {
    async *rows(dataset) {
      for (const part of await listParts(config.directory, dataset.name)) {
        const neutralised = await isNeutralised(config, dataset.name, part.name);
        yield* rowsOfPart(part.path, part.name, dataset, neutralised, live);
      }
    },
    async close() {},
  };
}

async function* rowsOfPart(
  path: string,
  name: string,
  dataset: Dataset,
  neutralised: Neutralised,
  live: boolean,
): AsyncGenerator<StoredRow | Flaw> {
  const expected = [...Object.keys(dataset.columns), ...SYSTEM_COLUMNS];
  let header: readonly string[] | undefined;
  let underWay = false;
  for await (const line of readCsvLines(path)) {
    const torn = (reason: string): Flaw => ({ flaw: 'torn', what: `${name} line ${line.number}: ${reason}` });
    if ('fault' in line) {
      if (live && line.atEnd) underWay = true;
      else yield torn(line.fault);
      continue;
    }
    const { cells } = line;
    if (header === undefined) {
      header = isHeader(cells) ? cells : expected;
      if (header === cells) continue;
      yield torn('the part does not begin with a header');
    }
    if (isHeader(cells)) yield torn('a second header');
    else if (cells.length !== header.length) yield torn(`${cells.length} cells instead of ${header.length}`);
    else yield readRow(cells, header, dataset, neutralised, name, line.number);
  }
  if (header === undefined && !(live || underWay))
    yield { flaw: 'torn', what: `${name}: the part is empty, without even a header` };
}

/** A part from before a change of the configuration has other columns of the dataset's own. */
function isHeader(cells: readonly string[]): boolean {
  return SYSTEM_COLUMNS.every((column, index) => cells.at(index - SYSTEM_COLUMNS.length) === column);
}

/** Until November 2026 numbers and phone numbers got a quote too, as every text that begins with a sign. */
function isWritingOf(cell: string, value: unknown, field: Field, neutralised: Neutralised): boolean {
  const plain = encodeCell(value, field, false);
  if (neutralised === 'first') return cell === plain || cell === `'${plain}`;
  return encodeCell(value, field, neutralised) === cell || (neutralised && `'${value}` === cell);
}

function readRow(
  cells: readonly string[],
  header: readonly string[],
  dataset: Dataset,
  neutralised: Neutralised,
  source: string,
  line: number,
): StoredRow {
  const faults: string[] = [];
  const read = (cell: string, field: Field, column: string): unknown => {
    try {
      const value = decodeCell(cell, field, neutralised);
      // Exactly what writing makes of it, or it was not written like this: 007 and 7 are the same number.
      if (isWritingOf(cell, value, field, neutralised) && !Number.isNaN(value)) return value;
    } catch {
      // JSON that is none.
    }
    faults.push(`column "${column}" holds ${JSON.stringify(cell.slice(0, 60))}, which is no ${field.type}`);
    return undefined;
  };
  const at = cells.length - SYSTEM_COLUMNS.length;
  const [key, version, messageId] = [at, at + 2, at + 3].map((index) =>
    read(cells[index] ?? '', TEXT, header[index] ?? ''),
  );
  const deleted = read(cells[at + 4] ?? '', BOOLEAN, '_deleted') === true;

  const values: Record<string, unknown> = {};
  let isKnown = true;
  for (let index = 0; index < at; index++) {
    const [column = '', cell = ''] = [header[index], cells[index]];
    const field = dataset.columns[column];
    if (field === undefined) isKnown = false;
    else if (deleted && cell !== '') faults.push(`column "${column}" of a tombstone is not empty`);
    else if (!deleted) {
      const value = read(cell, field, column);
      if (value !== undefined) values[column] = value;
    }
  }
  return {
    key: String(key),
    hash: cells[at + 1] ?? '',
    version: String(version),
    messageId: String(messageId),
    deleted,
    values: isKnown ? values : undefined,
    fault: faults[0],
    source,
    line,
  };
}
