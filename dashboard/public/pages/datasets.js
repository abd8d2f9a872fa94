import { downloadAddress } from '../ui/api.js';
import { h, replace } from '../ui/dom.js';
import { emptyState } from '../ui/empty.js';
import { bytes, count, plural } from '../ui/format.js';
import { addressOf } from '../ui/location.js';
import { activity, asOfIn, kindOf, notices, tellAsOf } from '../ui/summary.js';
import { since } from '../ui/times.js';

/** Every dataset with its numbers. */
export function createView() {
  const root = h('div', { class: 'overview' });
  let shown = '';
  const update = ({ datasets, aggregates }) => {
    const now = JSON.stringify([datasets, aggregates]);
    if (now !== shown) replace(root, overview(datasets, aggregates));
    shown = now;
  };
  return { root, update };
}

function overview(datasets, aggregates) {
  const sum = (of) => datasets.reduce((total, dataset) => total + of(dataset), 0);
  const totals = [
    plural(datasets.length, 'dataset'),
    plural(
      sum((dataset) => dataset.keys),
      'row',
    ),
    plural(
      sum((dataset) => dataset.rows),
      'version',
    ),
    bytes(sum((dataset) => dataset.bytes)),
  ];
  const nothing = datasets.every((dataset) => dataset.rows === 0 && dataset.indexing === null);
  return h(
    'section',
    { 'aria-labelledby': 'title' },
    h('h1', { id: 'title' }, 'Datasets'),
    h('p', { class: 'totals' }, totals.join(' · ')),
    nothing &&
      emptyState(
        'Nothing has been written yet',
        'Rows appear here as soon as the consumer has written its first batch. If none appear, read the logs of the producer and the consumer.',
      ),
    h('ul', { class: 'cards' }, ...datasets.map((dataset) => card(dataset, asOfIn(dataset, aggregates)))),
  );
}

function card(dataset, asOf) {
  const { name, keys, rows, bytes: size, parts } = dataset;
  return h(
    'li',
    { class: 'card' },
    h('h2', {}, h('a', { href: addressOf({ dataset: name }), class: 'cover' }, name)),
    h('p', { class: 'kind' }, kindOf(dataset)),
    h('p', { class: 'figure' }, h('strong', {}, count(keys)), keys === 1 ? ' row' : ' rows'),
    activity(dataset.activity),
    h('p', { class: 'axis', 'aria-hidden': 'true' }, h('span', {}, '60 min ago'), h('span', {}, 'now')),
    h('p', { class: 'small' }, 'Last written ', since(dataset.lastWrittenAt)),
    asOf !== undefined && h('p', { class: 'small' }, 'As of ', tellAsOf(asOf)),
    h('p', { class: 'small' }, [plural(rows, 'version'), bytes(size), plural(parts, 'part')].join(' · ')),
    ...notices(dataset),
    h(
      'p',
      { class: 'actions' },
      h(
        'a',
        { class: 'download', href: downloadAddress(name), download: true, 'aria-label': `Download CSV of ${name}` },
        'Download CSV',
      ),
    ),
  );
}
