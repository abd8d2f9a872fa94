import { namesIn, PAGES, pageAt, sectionOf } from '../pages/table.js';

/**
 * What the page shows, as its URL says it: every view has an address that can be kept, sent and opened again. A place
 * has only the fields of its page: the values in the path, and the parameters of the query.
 *
 * @typedef {{ column: string, is: string, value: string }} Filter
 * @typedef {{
 *   at: string, dataset?: string | undefined, letter?: string | undefined,
 *   view?: 'latest' | 'history', page?: number, size?: number, chosen?: string[], pinned?: string[], search?: string, all?: boolean, sort?: string, where?: string[],
 *   key?: string, queue?: string, code?: string, field?: string, endpoint?: string,
 *   who?: string, action?: string, outcome?: string, state?: string, group?: string,
 *   query?: string, chart?: string, x?: string, y?: string[], how?: string, by?: string | undefined,
 * }} Place
 */

const LONGEST = 200;
/** Rows on a page: the second is the usual one. */
export const SIZES = [25, 50, 100, 200, 500];
const MOST_CHOSEN = 200;
/** Characters of a key. The longest is that of a merged row, which is made of two keys; the server takes as many. */
export const LONGEST_KEY = 2_100;

/** A parameter that is text. An empty one is left out of the address. */
const text = (longest = LONGEST) => ({
  read: ([first = '']) => first.slice(0, longest),
  write: (value = '') => (value === '' ? [] : [value]),
});

/**
 * The parameters of addresses. `read` makes a value from the texts in the query, also from wrong ones; `write` makes the
 * texts from a value, and none from the default. `field` is the name in a place, if it differs.
 */
const PARAMETERS = {
  view: {
    read: ([view]) => (view === 'history' ? 'history' : 'latest'),
    write: (view) => (view === 'history' ? [view] : []),
  },
  page: {
    read: ([page]) => Math.max(1, Math.floor(Number(page) || 1)),
    write: (page = 1) => (page > 1 ? [String(page)] : []),
  },
  /** Rows on a page. */
  size: {
    read: ([size]) => (SIZES.includes(Number(size)) ? Number(size) : SIZES[1]),
    write: (size = SIZES[1]) => (size === SIZES[1] ? [] : [String(size)]),
  },
  /** The columns that a person has chosen, in their order; none for the usual ones. */
  column: { field: 'chosen', read: (names) => names.slice(0, MOST_CHOSEN), write: (chosen = []) => chosen },
  /** Those that stay in view. */
  pin: { field: 'pinned', read: (names) => names.slice(0, MOST_CHOSEN), write: (pinned = []) => pinned },
  search: text(),
  columns: { field: 'all', read: ([columns]) => columns === 'all', write: (all) => (all ? ['all'] : []) },
  sort: text(),
  where: { read: (filters) => filters.map(cutFilter), write: (where = []) => where },
  dataset: { ...text(), read: ([dataset]) => dataset?.slice(0, LONGEST) || undefined },
  key: text(LONGEST_KEY),
  queue: text(),
  code: text(),
  field: text(),
  endpoint: text(),
  who: text(),
  action: text(),
  outcome: text(),
  state: text(),
  group: text(),
  /** In SQL. */
  query: text(8_000),
  chart: text(),
  /** Columns that a chart shows. */
  x: text(),
  y: { read: (names) => names.slice(0, 1), write: (names = []) => names },
  /** What stands for the values of rows that a chart puts together. */
  how: text(),
  /** The column whose values are lines of their own; empty for none, and one that fits where nothing is said. */
  by: { read: ([by]) => by?.slice(0, LONGEST), write: (by) => (by === undefined ? [] : [by]) },
};

/** Only the value is cut: a column may have a long name, and a filter that lacks its end is another filter. */
function cutFilter(filter) {
  const [head = ''] = /^.+?:[a-z]+:/su.exec(filter) ?? [];
  return filter.slice(0, head.length + LONGEST);
}

/** @param {string} path @param {string} [query] @returns {Place} */
export function readPlace(path, query = '') {
  const { page, values } = pageAt(path) ?? { page: PAGES[0], values: [] };
  const given = new URLSearchParams(query);
  const place = { at: sectionOf(page) };
  for (const [name, value] of values) place[name] = decode(value);
  for (const name of page.query) {
    const { field = name, read } = PARAMETERS[name];
    place[field] = read(given.getAll(name));
  }
  return place;
}

function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The address of a place; defaults are left out. Without `at` it is the address of a dataset. */
export function addressOf({ at = 'data', ...place }) {
  const has = (name) => place[name] !== undefined;
  // The last page of the section whose path the place can fill: the page of a dataset before the list of datasets.
  const page = PAGES.findLast((one) => sectionOf(one) === at && namesIn(one).every(has));
  const path = page.path.replaceAll(/:(\w+)/g, (_all, name) => encodeURIComponent(place[name]));
  const query = new URLSearchParams();
  for (const name of page.query) {
    const { field = name, write } = PARAMETERS[name];
    for (const one of write(place[field])) query.append(name, one);
  }
  return query.size === 0 ? path : `${path}?${query}`;
}
