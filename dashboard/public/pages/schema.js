import { createAgain } from '../ui/again.js';
import { datasetPath, get } from '../ui/api.js';
import { h, replace, svg } from '../ui/dom.js';
import { emptyState } from '../ui/empty.js';
import { count, plural, sentence } from '../ui/format.js';
import { addressOf } from '../ui/location.js';
import { moment } from '../ui/times.js';

const STEP = 6;
const HEIGHT = 44;

/** What the values of each column of a dataset are like. */
export function createView({ dataset }, { announce }) {
  let place;
  let loading;
  const views = h('div', { class: 'views', role: 'group', 'aria-label': 'Which rows' });
  const look = h('button', { type: 'button', class: 'control', onclick: () => load() }, 'Look again');
  const told = h('p', { class: 'quiet', role: 'status' });
  const list = h('div', { class: 'column-list' });
  const again = createAgain(load);
  const back = h('a', { href: addressOf({ dataset }) }, `Rows of ${dataset}`);
  const root = h(
    'section',
    { class: 'page schema', 'aria-labelledby': 'title' },
    h('p', { class: 'crumb' }, back),
    h('h1', { id: 'title' }, dataset, ' ', h('span', { class: 'kind' }, 'columns')),
    h('div', { class: 'tools' }, views, look),
    told,
    list,
  );

  async function load() {
    loading?.abort();
    const mine = new AbortController();
    loading = mine;
    list.setAttribute('aria-busy', 'true');
    replace(told, 'Looking at every row…');
    try {
      const found = await get(`${datasetPath(dataset)}/profile?view=${place.view}`, mine.signal);
      if (mine.signal.aborted) return;
      again.done();
      show(found);
    } catch (failure) {
      if (mine.signal.aborted) return;
      again.failed(failure);
      replace(told);
      const title = failure.status === 404 ? 'There is no such dataset' : 'The columns cannot be shown';
      replace(list, emptyState(title, sentence(failure.message)));
    } finally {
      if (loading === mine) list.removeAttribute('aria-busy');
    }
  }

  function show({ rows, since, columns, left }) {
    const words = `${plural(columns.length, 'column')} of ${plural(rows, 'row')}`;
    const all = left === 0 ? words : `${words}; ${plural(left, 'more column')} not looked at`;
    replace(told, all, since !== null && ', the first of them written ', since !== null && moment(since));
    announce(words);
    if (rows === 0) {
      const text = 'What columns are like is told as soon as the consumer has written rows.';
      return replace(list, emptyState('There are no rows', text));
    }
    replace(list, ...columns.map((one) => card(one, { dataset, rows, since, view: place.view })));
  }

  return {
    root,
    show(to) {
      place = to;
      const view = (which, label) => {
        const href = addressOf({ ...place, view: which });
        return h('a', { href, 'aria-current': place.view === which ? 'true' : null }, label);
      };
      replace(views, view('latest', 'Latest'), view('history', 'History'));
      back.href = addressOf({ dataset, view: place.view });
      load();
    },
    update: () => again.look(),
    leave: () => loading?.abort(),
  };
}

function card(profile, of) {
  const { column, empty, distinct, isAbout, least, most, histogram } = profile;
  const where = (filter) => addressOf({ dataset: of.dataset, view: of.view, where: [`${column.name}:${filter}`] });
  const share = `${count(empty)} (${percent(empty, of.rows)})`;
  const facts = [
    ['Empty', empty === 0 ? '0' : h('a', { href: where('empty') }, share)],
    ['Different', isAbout ? `about ${count(distinct)}` : count(distinct)],
    ...(least === null ? [] : [['Least', ended(column, least)]]),
    ...(most === null ? [] : [['Most', ended(column, most)]]),
    ...(began(profile, of) ? [['Began', moment(profile.since)]] : []),
  ];
  return h(
    'article',
    { class: 'column', 'aria-label': column.name },
    h('h2', {}, column.name, h('span', { class: 'kind' }, `${column.type}${column.optional ? ', optional' : ''}`)),
    h('dl', {}, ...facts.map(([term, fact]) => h('div', {}, h('dt', {}, term), h('dd', {}, fact)))),
    h(
      'div',
      { class: 'values' },
      histogram !== null && bars(profile),
      examples(profile, where),
      empty === of.rows && h('p', { class: 'faint' }, 'No row has a value here.'),
    ),
  );
}

/** A column that began with the dataset says nothing new. */
const began = ({ since }, of) => since !== null && of.since !== null && since > of.since;

const ended = ({ type }, text) => (type === 'datetime' ? moment(text) : h('span', { class: 'end' }, text));

function percent(part, whole) {
  if (part === 0 || whole === 0) return '0 %';
  const share = (part / whole) * 100;
  if (share < 0.1) return '< 0.1 %';
  return share > 99.9 && part < whole ? '> 99.9 %' : `${share < 10 ? share.toFixed(1) : Math.round(share)} %`;
}

/** How many rows stand between the least and the most, in equal steps. */
function bars({ column, histogram, least, most }) {
  const highest = Math.max(1, ...histogram);
  const words = `How values of ${column.name} are spread from ${least} to ${most}: ${histogram.map(count).join(', ')}`;
  const box = {
    class: 'spread',
    viewBox: `0 0 ${histogram.length * STEP} ${HEIGHT}`,
    preserveAspectRatio: 'none',
    role: 'img',
    'aria-label': words,
  };
  const rects = histogram.map((rows, step) => {
    // A step with few rows is still seen beside one with many.
    const height = rows === 0 ? 0 : Math.max(2, (rows / highest) * HEIGHT);
    return svg(
      'rect',
      { x: step * STEP, y: HEIGHT - height, width: STEP - 1, height, class: 'some' },
      svg('title', {}, plural(rows, 'row')),
    );
  });
  return svg('svg', box, ...rects);
}

/** Values as links to the rows that have them. */
function examples({ column, examples: some }, where) {
  const isFilter = column.type !== 'list' && column.type !== 'json';
  // Where each value stands alone, to say so of each tells nothing.
  const isAlone = some.every(({ count: times }) => times === 1);
  const chip = ({ value, count: times }) => {
    const inside = [value, times !== null && !isAlone && h('span', { class: 'faint' }, ` ${count(times)}`)];
    const isWhole = isFilter && !value.endsWith('…');
    return isWhole
      ? h('a', { class: 'chip', href: where(`is:${value}`) }, ...inside)
      : h('span', { class: 'chip' }, ...inside);
  };
  return some.length > 0 && h('p', { class: 'facet' }, ...some.map(chip));
}
