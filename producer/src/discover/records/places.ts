import { isMapping, pathToName } from '@tributary/shared';
import type { Place, Unrated } from './place.js';
import { type Heading, headingsIn, rowsAt } from './rows.js';

/** A list within a record is a part of it; nothing that lies deeper than this holds the records. */
const DEEPEST = 5;
/** Names by which APIs call the list itself. */
const USUAL =
  /^(data|results?|items|value|records|rows|entries|entry|list|objects|elements|hits|docs|documents|content|edges|nodes|features|response|payload|children|member|hydra:member|collection)$/i;
/** What names something that belongs to the answer, and none of its records. */
const ASIDE =
  /^(errors?|warnings?|links?|_links|included|facets|aggregations|meta|columns|fields|headers?|schema|query|filters?)$/i;

/**
 * The places of a body that could hold the records, the likeliest first.
 * @param hint the last word of the address, by which APIs often call the list: `/v1/orders` gives `{"orders": […]}`
 */
export function placesIn(body: unknown, hint: string): Place[] {
  const found: Place[] = [];
  walk(body, '$', 0, { found, hint: hint.toLowerCase(), headings: headingsIn(body) });
  const single = singleOf(body, found);
  return [...found, ...(single === undefined ? [] : [single])].sort((a, b) => b.score - a.score);
}

interface Walk {
  readonly found: Place[];
  readonly hint: string;
  /** What could name the cells of rows. */
  readonly headings: readonly Heading[];
}

function walk(value: unknown, path: string, depth: number, around: Walk): void {
  const { found, hint, headings } = around;
  if (depth > DEEPEST || typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) {
    const place = listOf(value, path) ?? rowsAt(value, path, headings);
    if (place !== undefined) found.push(rated(place, path, depth, hint));
    // A header and the records beside each other in a list: [{"page": 1}, [...]].
    else if (value.length <= 4)
      value.forEach((one, index) => {
        if (Array.isArray(one)) walk(one, `${path}[${index}]`, depth + 1, around);
      });
    return;
  }
  const lists = listsByName(value, path);
  if (lists !== undefined) {
    // Each of its lists alone would be a part of the records: those of one day.
    found.push(rated(lists, path, depth, hint));
    return;
  }
  for (const place of [columnsOf(value, path), mapOf(value, path)])
    if (place !== undefined) found.push(rated(place, path, depth, hint));
  for (const [name, inner] of Object.entries(value))
    walk(inner, `${path}${pathToName(name).text.slice(1)}`, depth + 1, around);
}

function rated(place: Unrated, path: string, depth: number, hint: string): Place {
  const name = (/([^.'[\]]+)'?\]?$/.exec(path)?.[1] ?? '').toLowerCase();
  const names =
    hint !== '' && (name === hint || `${name}s` === hint || name === `${hint}s`) ? 60 : USUAL.test(name) ? 30 : 0;
  const aside = ASIDE.test(name) ? -80 : 0;
  const kinds = { list: 40, rows: 25, columns: 20, map: place.isKeyed === true ? 30 : 5, single: 0 } as const;
  return { ...place, score: kinds[place.as] + names + aside + Math.min(place.count, 50) - 6 * depth };
}

function listOf(list: readonly unknown[], items: string): Unrated | undefined {
  const filled = list.filter((one) => one !== null);
  if (filled.length === 0) return undefined;
  if (filled.every(isMapping)) {
    const nested = nestedIn(filled);
    const count = list.length;
    if (nested !== undefined)
      return {
        items,
        as: 'list',
        more: { within: { items: `$.${nested}` } },
        count: count * 2,
        found: `a list of ${count}, each with a list of objects in "${nested}"`,
      };
    return { items, as: 'list', more: {}, count, found: `a list of ${count} objects` };
  }
  return undefined;
}

/** Each holds hardly more than a list of the records: `{"day": "2024-05-01", "rates": [{...}]}`. */
function nestedIn(list: readonly Record<string, unknown>[]): string | undefined {
  const [first = {}] = list;
  const lists = Object.keys(first).filter((name) =>
    list.every((one) => Array.isArray(one[name]) && (one[name] as unknown[]).every(isMapping)),
  );
  const [only] = lists;
  const isFull = only !== undefined && list.some((one) => (one[only] as unknown[]).length > 1);
  return lists.length === 1 && isFull && Object.keys(first).length <= 2 ? only : undefined;
}

/** `{"time": […], "temperature": […]}` */
function columnsOf(value: object, items: string): Unrated | undefined {
  const lists = Object.entries(value).filter((entry): entry is [string, unknown[]] => Array.isArray(entry[1]));
  const [first] = lists;
  const count = first?.[1].length ?? 0;
  const isEven = lists.every(
    ([, list]) => list.length === count && list.every((cell) => typeof cell !== 'object' || cell === null),
  );
  if (lists.length < 2 || count < 2 || !isEven || lists.length < Object.keys(value).length / 2) return undefined;
  return { items, as: 'columns', more: {}, count, found: `${lists.length} columns of ${count} values` };
}

/** Names that are values: codes, numbers, days, or long ids. */
const VALUE_NAME = /^([A-Z]{2,5}|\d+|\d{4}-\d\d(-\d\d)?|[0-9a-f-]{16,}|(?=[\w-]*\d)[\w-]{18,})$/;

/** `{"2024-05-01": [{…}], "2024-05-02": [{…}]}` */
function listsByName(value: object, items: string): Unrated | undefined {
  const entries = Object.entries(value) as [string, unknown][];
  const areLists = entries.every(
    ([name, one]) => VALUE_NAME.test(name) && Array.isArray(one) && one.length > 0 && one.every(isMapping),
  );
  if (entries.length === 0 || !areLists) return undefined;
  const count = entries.reduce((sum, [, list]) => sum + (list as unknown[]).length, 0);
  const found = `${entries.length} lists of objects by name, ${count} in all`;
  return { items, as: 'map', more: { within: { as: 'list' } }, count: count * 2, found, isKeyed: true };
}

/** `{"EUR": {…}, "CHF": {…}}` */
function mapOf(value: object, items: string): Unrated | undefined {
  const entries = Object.entries(value) as [string, unknown][];
  const count = entries.length;
  const areValues = entries.every(([name]) => VALUE_NAME.test(name));
  if (count < 2) return undefined;
  const inner = entries.map(([, one]) => one);
  if (inner.every(isMapping)) {
    const [first = {}] = inner;
    if (areValues && inner.every((one) => isScalarMap(one))) {
      return {
        items,
        as: 'map',
        more: { within: { as: 'map' } },
        count: count * 2,
        found: `${count} objects by name, each with values by name`,
        isKeyed: true,
      };
    }
    const shared = Object.keys(first).filter((name) => inner.every((one) => Object.hasOwn(one, name))).length;
    // A whole body of objects with the very same fields is a map, whatever the names are: {"bitcoin": {"usd": 1}, "ether": {"usd": 2}}.
    const isWhole = items === '$' && inner.every((one) => Object.keys(one).length === shared && areScalars(one));
    const alike = (shared >= 2 && shared >= Object.keys(first).length * 0.6) || (isWhole && shared === 1);
    return alike && (areValues || isWhole || count >= 4)
      ? {
          items,
          as: 'map',
          more: {},
          count,
          found: `${count} objects by name, all alike`,
          isKeyed: areValues || isWhole,
        }
      : undefined;
  }
  if (!areValues || count < 3 || !isScalarMap(value)) return undefined;
  return { items, as: 'map', more: {}, count, found: `${count} values by name`, isKeyed: true };
}

const isScalarMap = (value: object): boolean =>
  Object.entries(value).every(
    ([name, one]) => VALUE_NAME.test(name) && (typeof one === 'number' || typeof one === 'string'),
  );

const areScalars = (value: object): boolean =>
  Object.values(value).every((one) => typeof one !== 'object' || one === null);

const IDENTITY = /^(_?id|uuid|guid|sha|slug)$/i;

/** The body itself is one record: it has an id, or says far more than any list in it. */
function singleOf(body: unknown, others: readonly Place[]): Place | undefined {
  if (!isMapping(body)) return undefined;
  const names = Object.keys(body);
  const best = others
    .filter(({ as, isKeyed }) => as !== 'map' || isKeyed === true)
    .sort((a, b) => b.score - a.score)[0];
  const hasId =
    names.some((name) => IDENTITY.test(name)) && !names.some((name) => USUAL.test(name) && Array.isArray(body[name]));
  const own = leavesOf(body, 0);
  const saysMore = best === undefined || (best.count <= 1 && own >= 8);
  const score = hasId ? 150 : saysMore ? 60 : -20;
  return {
    items: '$',
    as: 'single',
    more: {},
    count: 1,
    found: 'one object',
    score: names.length === 0 ? -100 : score,
  };
}

const leavesOf = (value: Record<string, unknown>, depth: number): number =>
  Object.values(value).reduce<number>(
    (sum, one) => sum + (isMapping(one) ? (depth < 2 ? leavesOf(one, depth + 1) : 0) : Array.isArray(one) ? 0 : 1),
    0,
  );
