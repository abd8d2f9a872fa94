import { h } from '../../ui/dom.js';
import { emptyState } from '../../ui/empty.js';
import { count, plural } from '../../ui/format.js';
import { addressOf } from '../../ui/location.js';

const NEWEST = '-_written_at';

/** The position among all rows, and links to the pages before and after. */
/** @param hasMoved whether rows were written since the page that was shown before */
export function pager(place, { total, order, rows: { length } }, hasMoved) {
  const first = (place.page - 1) * place.size;
  const range = length === 0 ? 'No rows' : `${count(first + 1)}–${count(first + length)} of ${count(total)}`;
  const byTime = place.sort === NEWEST || (place.sort === '' && order === 'newest');
  const step = (page, label, exists) =>
    exists
      ? h('a', { href: addressOf({ ...place, page }), rel: page < place.page ? 'prev' : 'next' }, label)
      : h('span', { class: 'faint' }, label);
  return [
    h('p', {}, range, length > 1 && h('span', { class: 'faint' }, ', ', orderWords(place, order)), hasMoved && moved()),
    h(
      'p',
      { class: 'steps' },
      step(place.page - 1, byTime ? '← Newer' : '← Previous', place.page > 1),
      step(place.page + 1, byTime ? 'Older →' : 'Next →', first + length < total),
    ),
  ];
}

const moved = () =>
  h(
    'span',
    { class: 'faint', title: 'A download of the selection is one moment' },
    '. Each page is one moment: rows were written since the page before, so some may stand on both, or on neither',
  );

/** The order of the rows. A large table is sorted by time only on request, because that takes seconds. */
function orderWords(place, order) {
  if (place.sort === NEWEST || (place.sort === '' && order === 'newest')) return 'newest first';
  if (place.sort !== '') return `sorted by ${place.sort.replace('-', '')}`;
  const newest = addressOf({ ...place, sort: NEWEST, page: 1 });
  return h('span', {}, 'sorted by key. ', h('a', { href: newest }, 'Newest first'), ' takes longer');
}

/** Why there are no rows here, and where there are some. @param rows how many the dataset has, all versions together */
export function noRows(name, place, total, rows) {
  const link = (change, label) => h('a', { href: addressOf({ ...place, page: 1, ...change }) }, label);
  if (total > 0) {
    return emptyState(
      'This page is empty',
      `There ${total === 1 ? 'is' : 'are'} only ${plural(total, 'row')}.`,
      link({}, 'Go to the first page'),
    );
  }
  if (place.where.length > 0) {
    const clear = link({ where: [], search: '' }, 'Remove the filters');
    return emptyState(
      'No row matches',
      'A row must match all filters. “is” distinguishes capital and small letters.',
      clear,
    );
  }
  if (place.search !== '') {
    const clear = link({ search: '' }, 'Clear the search');
    const links = place.view === 'latest' ? [clear, link({ view: 'history' }, 'Search the history')] : [clear];
    const rule = 'Each word of the search must be somewhere in the row. Capital and small letters count as the same.';
    return emptyState(`No row contains “${place.search}”`, rule, ...links);
  }
  if (rows > 0) {
    const history = link({ view: 'history' }, 'Show the history');
    return emptyState(
      'All records are deleted',
      'They no longer exist at their source. The history still has them.',
      history,
    );
  }
  const words = `Rows of ${name} appear here as soon as the consumer has written its first batch.`;
  return emptyState('Nothing has been written yet', words);
}
