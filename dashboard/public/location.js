/**
 * What the page shows, as its URL says it: every view has an address that can be kept, sent and opened again.
 *
 * @typedef {{ column: string, is: string, value: string }} Filter
 * @typedef {{
 *   at: 'flow' | 'data' | 'trace' | 'letters' | 'audit',
 *   dataset?: string | undefined, view: 'latest' | 'history', page: number, search: string, all: boolean,
 *   sort: string, where: string[], letter?: string | undefined, key: string,
 *   queue: string, code: string, field: string, endpoint: string,
 * }} Place
 */

const LETTER_CRITERIA = ['queue', 'code', 'field', 'endpoint'];
const LONGEST = 200;

/** @param {string} path @param {string} [query] @returns {Place} */
export function readPlace(path, query = '') {
  const given = new URLSearchParams(query);
  const text = (name) => (given.get(name) ?? '').slice(0, LONGEST);
  const [, section = '', name] = path.split('/').map(decode);
  const at = { '': 'flow', data: 'data', trace: 'trace', 'dead-letters': 'letters', audit: 'audit' }[section] ?? 'flow';
  return {
    at,
    dataset: (at === 'data' && name) || undefined,
    letter: (at === 'letters' && name) || undefined,
    view: given.get('view') === 'history' ? 'history' : 'latest',
    page: Math.max(1, Math.floor(Number(given.get('page')) || 1)),
    search: text('search'),
    all: given.get('columns') === 'all',
    sort: text('sort'),
    where: given.getAll('where').map((one) => one.slice(0, LONGEST)),
    key: (given.get('key') ?? '').slice(0, 2_000),
    ...Object.fromEntries(LETTER_CRITERIA.map((criterion) => [criterion, text(criterion)])),
  };
}

function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The address of a place; what is as usual is left out of it. A dataset alone says where it is. */
export function addressOf(place) {
  const {
    at = 'data',
    dataset,
    letter,
    view,
    page = 1,
    search = '',
    all = false,
    sort = '',
    where = [],
    key = '',
  } = place;
  const query = new URLSearchParams();
  if (at === 'trace') {
    if (dataset !== undefined) query.set('dataset', dataset);
    if (key !== '') query.set('key', key);
    return withQuery('/trace', query);
  }
  if (view === 'history') query.set('view', view);
  if (page > 1) query.set('page', String(page));
  if (search !== '') query.set('search', search);
  if (all) query.set('columns', 'all');
  if (sort !== '') query.set('sort', sort);
  for (const one of where) query.append('where', one);
  for (const criterion of LETTER_CRITERIA) if (place[criterion]) query.set(criterion, place[criterion]);
  const paths = { flow: '/', data: '/data', letters: '/dead-letters', audit: '/audit' };
  const name = at === 'letters' ? letter : at === 'data' ? dataset : undefined;
  return withQuery(name === undefined ? paths[at] : `${paths[at]}/${encodeURIComponent(name)}`, query);
}

const withQuery = (path, query) => (query.size === 0 ? path : `${path}?${query}`);
