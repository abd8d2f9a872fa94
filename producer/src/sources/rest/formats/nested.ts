import { compilePath, type EndpointOf, isMapping } from '@tributary/shared';
import { CONTEXT } from '../../port.js';
import { arrangeRecords, asList } from './arrange.js';

type Within = NonNullable<EndpointOf<'rest'>['within']>;

/** What records lie in, and what else is there. */
interface Outer {
  readonly found: unknown;
  /** Without the records in it; undefined where there is nothing else. */
  readonly rest: Readonly<Record<string, unknown>> | undefined;
}

/**
 * Takes records that lie in each of what `items` leads to, as rates lie in days. Each holds as `$outer` what else is there, such as
 * the day.
 *
 * @param as how the outer ones lie
 * @param isListed whether one element alone stands for a list of one, as in XML
 * @returns takes them; throws as arrangeRecords does
 */
export function nestedRecords(
  { items, as }: Within,
  { as: outerAs, isListed }: { readonly as: EndpointOf<'rest'>['as']; readonly isListed: boolean },
): (outers: readonly unknown[]) => unknown[] {
  const path = compilePath(items);
  const [first] = path.steps;
  const open = (outer: unknown): Outer => {
    if (first === undefined) return outerAs === 'map' ? entryOf(outer) : { found: outer, rest: undefined };
    return { found: path.read(outer), rest: isMapping(outer) ? without(outer, String(first)) : undefined };
  };
  const where = `${items} within each of them`;
  return (outers) =>
    outers.flatMap((outer) => {
      const { found, rest } = open(outer);
      if (found === undefined && path.mayBeMissing) return [];
      const listed = isListed && as === 'list' ? asList(found) : found;
      const records = arrangeRecords(listed, as === 'rows' ? { as, header: 'first' } : { as }, where);
      return rest === undefined ? records : records.map((record) => withOuter(record, rest));
    });
}

/** A map gives each of its records the name as `$key`; what is in it lies beside that, or in `$value`. */
function entryOf(outer: unknown): Outer {
  if (!isMapping(outer)) return { found: outer, rest: undefined };
  const rest = { $key: outer.$key };
  return { found: Object.hasOwn(outer, '$value') ? outer.$value : without(outer, '$key'), rest };
}

function without(outer: Record<string, unknown>, name: string): Record<string, unknown> {
  const { [name]: _left, ...rest } = outer;
  return rest;
}

const withOuter = (record: unknown, outer: Readonly<Record<string, unknown>>): unknown =>
  isMapping(record) ? Object.assign(Object.create(null), record, { [CONTEXT.outer]: outer }) : record;
