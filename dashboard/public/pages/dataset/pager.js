import { h } from '../../ui/dom.js';
import { emptyState } from '../../ui/empty.js';
import { count, plural } from '../../ui/format.js';
import { addressOf } from '../../ui/location.js';

/** Rows on one page. */
export const PAGE = 50;
const NEWEST = '-_written_at';

/** Where one is among all rows, and the ways on, as links. */
export function pager(place, { total, order, rows: { length } }) {
  const first = (place.page - 1) * PAGE;
  const range = length === 0 ? 'No rows' : `${count(first + 1)}–${count(first + length)} of ${count(total)}`;
  const byTime = place.sort === NEWEST || (place.sort === '' && order === 'newest');
  const step = (page, label, exists) =>
    exists
      ? h('a', { href: addressOf({ ...place, page }), rel: page < place.page ? 'prev' : 'next' }, label)
      : h('span', { class: 'faint' }, label);
  return [
    h('p', {}, range, length > 1 && h('span', { class: 'faint' }, ', ', orderWords(place, order))),
    h(
      'p',
      { class: 'steps' },
      step(place.page - 1, byTime ? '← Newer' : '← Previous', place.page > 1),
      step(place.page + 1, byTime ? 'Older →' : 'Next →', first + length < total),
    ),
  ];
}

/** What the rows are ordered by. A large table is not sorted by time unless somebody wants to wait for that. */
function orderWords(place, order) {
  if (place.sort === NEWEST || (place.sort === '' && order === 'newest')) return 'newest first';
  if (place.sort !== '') return `by ${place.sort.replace('-', '')}`;
  const newest = addressOf({ ...place, sort: NEWEST, page: 1 });
  return h('span', {}, 'by key, for there are many; ', h('a', { href: newest }, 'newest first'), ' takes longer');
}

/** Why there are no rows here, and where there are. @param rows how many the dataset has in all */
export function noRows(name, place, total, rows) {
  const link = (change, label) => h('a', { href: addressOf({ ...place, page: 1, ...change }) }, label);
  if (total > 0) {
    return emptyState(
      'Nothing this far back',
      `There are ${plural(total, 'row')} only.`,
      link({}, 'Go to the first page'),
    );
  }
  if (place.where.length > 0) {
    const clear = link({ where: [], search: '' }, 'Remove the filters');
    return emptyState('No row matches', 'All filters must hold at once; text is compared letter by letter.', clear);
  }
  if (place.search !== '') {
    const clear = link({ search: '' }, 'Clear the search');
    const links = place.view === 'latest' ? [clear, link({ view: 'history' }, 'Search the history too')] : [clear];
    const rule = 'Every word must occur somewhere in a row; small and capital letters are the same.';
    return emptyState(`No row holds “${place.search}”`, rule, ...links);
  }
  if (rows > 0) {
    const history = link({ view: 'history' }, 'Look at the history');
    return emptyState('Every key is closed', 'All records are deleted at their source.', history);
  }
  const hope = `Rows of ${name} appear by themselves as soon as the consumer has written its first batch.`;
  return emptyState('Nothing has been written here yet', hope);
}
