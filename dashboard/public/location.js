/**
 * What the page shows, as its URL says it: every view has an address that can be kept, sent and opened again.
 *
 * @typedef {{ dataset: string | undefined, view: 'latest' | 'history', page: number, search: string, all: boolean }} Place
 */

/** @returns {Place} */
export function readPlace(query) {
  const given = new URLSearchParams(query);
  return {
    dataset: given.get('dataset') || undefined,
    view: given.get('view') === 'history' ? 'history' : 'latest',
    page: Math.max(1, Math.floor(Number(given.get('page')) || 1)),
    search: (given.get('search') ?? '').slice(0, 200),
    all: given.get('columns') === 'all',
  };
}

/** The address of a place; what is as usual is left out of it. */
export function addressOf({ dataset, view, page = 1, search = '', all = false }) {
  if (dataset === undefined) return '/';
  const query = new URLSearchParams({ dataset });
  if (view === 'history') query.set('view', view);
  if (page > 1) query.set('page', String(page));
  if (search !== '') query.set('search', search);
  if (all) query.set('columns', 'all');
  return `/?${query}`;
}
