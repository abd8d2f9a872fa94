import { compilePattern, FatalError, type Field, type Unit } from '@tributary/shared';
import type { Placed, ResultColumn } from './database.js';

/** How many units a millisecond has, as a fraction. */
const PER_MILLISECOND: Readonly<Record<Unit, (milliseconds: bigint) => bigint>> = {
  s: (milliseconds) => milliseconds / 1_000n,
  ms: (milliseconds) => milliseconds,
  us: (milliseconds) => milliseconds * 1_000n,
  ns: (milliseconds) => milliseconds * 1_000_000n,
};

const WALL = "yyyy-MM-dd'T'HH:mm:ss.SSS";

type WriteSince = (since: string) => Placed;

/**
 * How the version of a mark is written to be compared with the column that versions are read from. A version that is a time and has
 * more digits than the mark is cut, so that more comes than is asked for, and nothing is missed.
 *
 * @param field the version, as the entity and the endpoint's map say
 * @param where for errors: `orders: the table sales.orders`
 * @throws FatalError if the database sorts the column otherwise than versions grow
 */
export function sinceWriter(field: Field, { name, type, sorting }: ResultColumn, where: string): WriteSince {
  const plain = (value: string): Placed => ({ value, sorting });
  const wrong = (expected: string) =>
    new FatalError(
      'version_unsorted',
      `${where}: the version is read from the column "${name}" of the type ${type}, which the database does not sort as the version grows: expected ${expected}; ` +
        'a query can convert it, or set incremental: false',
    );
  if (field.type === 'string') return (since) => ({ value: since, sorting: 'text' });
  if (field.type === 'integer') {
    if (sorting !== 'number' && sorting !== 'unknown') throw wrong('a column of numbers');
    return (since) => ({ value: since, sorting: 'number' });
  }
  const { unit, format, zone } = field;
  if (sorting === 'number') {
    if (unit === undefined)
      throw wrong('a column of times, or a field with a unit, such as { type: datetime, unit: ms }');
    return (since) => plain(String(PER_MILLISECOND[unit](BigInt(Date.parse(since)))));
  }
  if (sorting === 'instant') return (since) => plain(withoutZone(new Date(Date.parse(since)).toISOString()));
  if (sorting === 'wall') {
    const written = compilePattern(WALL, zone);
    return (since) => plain(withoutZone(String(written.write(Date.parse(since)))));
  }
  const isNumber = sorting === 'unknown' && unit !== undefined;
  if (isNumber)
    return (since) => ({ value: String(PER_MILLISECOND[unit](BigInt(Date.parse(since)))), sorting: 'number' });
  if (sorting === 'isoWithT' || sorting === 'isoWithBlank' || sorting === 'unknown') {
    const written = compilePattern(WALL, zone);
    // Without the digits that say nothing: `10:00:00` is less than `10:00:00.000`, and would be left out.
    const short = (since: string) =>
      String(written.write(Date.parse(since)))
        .replace(/Z$/, '')
        .replace(/\.?0+$/, '');
    return (since) => plain(sorting === 'isoWithT' ? short(since) : short(since).replace('T', ' '));
  }
  throw wrong(format === undefined ? 'a column of times' : 'a column of times, whatever the format of its text');
}

/** Sessions are in UTC; databases read a blank better than a T. */
const withoutZone = (iso: string): string => iso.replace('T', ' ').replace(/Z$/, '');
