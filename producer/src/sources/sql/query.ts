import { type EndpointOf, ExactNumber, FatalError, type PlacedText, parsePlaceholders } from '@tributary/shared';
import { chosenOf, type Filling, fillingsOf } from '../fillings.js';
import { type Dialect, type Placed, partsOf } from './database.js';
import { ALIAS } from './keyset.js';

/** A placeholder without a value, for statements that only ask what the columns are. */
const NOTHING: Placed = { value: null, sorting: 'unknown' };

/**
 * What an endpoint reads from: a table, or a query, whose placeholders become parameters of the statement. The database binds their
 * values, so that a record of a parent can hold no SQL.
 */
export class Origin {
  /** What stands behind FROM. */
  readonly from: string;
  readonly #chosen: Readonly<Record<string, unknown>>;
  /** The names of the placeholders, in their order. */
  readonly #names: readonly string[];
  readonly #where: string;

  /** @param where for errors: `orders: the query` */
  constructor(config: EndpointOf<'sql'>, dialect: Dialect, where: string) {
    const { table, query = '' } = config;
    const text: PlacedText = table === undefined ? parsePlaceholders(query) : [];
    this.#chosen = chosenOf(config);
    this.#names = text.flatMap((part) => (typeof part === 'string' ? [] : [part.placeholder]));
    this.#where = where;
    let index = 0;
    const written = text.map((part) => (typeof part === 'string' ? part : dialect.placeholder(++index, 'unknown')));
    this.from = table === undefined ? `(${written.join('')}\n) ${ALIAS}` : partsOf(table).map(dialect.quote).join('.');
  }

  /** What the parameters are bound to where no row is wanted. */
  get nothing(): readonly Placed[] {
    return this.#names.map(() => NOTHING);
  }

  /**
   * What the parameters are bound to.
   * @throws FatalError if a placeholder has no value
   */
  values(variables: Readonly<Record<string, unknown>>): readonly Placed[] {
    const fillings = fillingsOf({ ...this.#chosen, ...variables });
    return this.#names.map((name) => {
      const value = fillings(name);
      const placed = value === undefined ? undefined : placedValue(value);
      if (placed !== undefined) return placed;
      const found = value === undefined ? 'is empty' : 'is a list or a mapping, and no single value';
      throw new FatalError(
        'placeholder_empty',
        `${this.#where}: {{${name}}} ${found}, so that there is nothing to ask for`,
      );
    });
  }
}

/** @returns undefined for what is no single value */
function placedValue(value: Filling): Placed | undefined {
  if (typeof value === 'string') return { value, sorting: isLargeNumber(value) ? 'number' : 'text' };
  if (typeof value === 'boolean') return { value: value ? '1' : '0', sorting: 'number' };
  const isNumber = typeof value === 'number' || value instanceof ExactNumber;
  return isNumber ? { value: String(value), sorting: 'number' } : undefined;
}

/** A whole number of a database that a double cannot hold is text in a raw record. As text, MySQL would compare it by a double. */
const isLargeNumber = (text: string): boolean => /^-?[1-9]\d{15,18}$/.test(text) && !Number.isSafeInteger(Number(text));
