import { createAgain } from '../ui/again.js';
import { get } from '../ui/api.js';
import { h, replace } from '../ui/dom.js';
import { emptyState } from '../ui/empty.js';
import { sentence } from '../ui/format.js';
import { addressOf } from '../ui/location.js';
import { createSearchBox } from '../ui/search-box.js';
import { actionRow } from './audit/action.js';

const PAGE = 100;
const ACTIONS = [
  'replay',
  'mend',
  'discard',
  'run',
  'pause',
  'resume',
  'restart',
  'reset',
  'scenario',
  'discover',
  'export',
  'silence',
  'end silence',
  'test alert',
  'try',
  'sql',
  'save_query',
  'remove_query',
];
const OUTCOMES = [
  ['done', 'done'],
  ['failed', 'failed'],
  ['open', 'without an end'],
];
const COLUMNS = ['Time', 'Person', 'Action', 'Details', 'Outcome', 'From address'];

/** Who did what and when, newest first: one line for each action. */
export function createView(_place, { navigate, announce }) {
  let place;
  let loading;
  const again = createAgain(load);
  const to = (change) => navigate({ ...place, page: 1, ...change });
  const search = createSearchBox({
    label: 'Search the audit log',
    placeholder: 'Search keys, endpoints, reasons',
    onSearch: (words) => to({ search: words }),
  });
  const choice = (name, label, all, options) =>
    h(
      'select',
      { class: 'control', 'aria-label': label, onchange: ({ target }) => to({ [name]: target.value }) },
      h('option', { value: '' }, all),
      ...options.map(([value, words]) => h('option', { value }, words)),
    );
  const action = choice(
    'action',
    'Action',
    'All actions',
    ACTIONS.map((name) => [name, name]),
  );
  const outcome = choice('outcome', 'Outcome', 'All outcomes', OUTCOMES);
  const person = h('span', { hidden: true });
  const exports = h('span', { class: 'push' });
  const list = h('div', { class: 'rows audit', tabindex: '0', role: 'region', 'aria-label': 'Actions' });
  const pages = h('nav', { class: 'pager', 'aria-label': 'Pages' });
  const root = h(
    'section',
    { class: 'page', 'aria-labelledby': 'title' },
    h('div', { class: 'heading' }, h('h1', { id: 'title' }, 'Audit log')),
    h('div', { class: 'tools' }, search.root, action, outcome, person, exports),
    list,
    pages,
  );

  const criteria = () =>
    new URLSearchParams(
      ['search', 'who', 'action', 'outcome'].filter((name) => place[name] !== '').map((name) => [name, place[name]]),
    );

  async function load() {
    loading?.abort();
    const mine = new AbortController();
    loading = mine;
    again.done();
    const query = criteria();
    query.set('offset', String((place.page - 1) * PAGE));
    query.set('limit', String(PAGE));
    try {
      const { actions, more } = await get(`/audit/actions?${query}`, mine.signal);
      list.replaceChildren(actions.length === 0 ? nothing() : tableOf(actions));
      showPages(more);
      announce(`${actions.length} actions`);
    } catch (failure) {
      if (mine.signal.aborted) return;
      again.failed(failure);
      list.replaceChildren(emptyState('The audit log cannot be shown', sentence(failure.message)));
    }
  }

  function nothing() {
    if (criteria().size > 0)
      return emptyState(
        'No action matches',
        'Remove the filters and the search to see all of them.',
        h('a', { href: addressOf({ at: 'audit' }) }, 'Show all'),
      );
    return emptyState(
      'No actions yet',
      'Every replay, discard, run, pause and resume is recorded here, with the person and the time.',
    );
  }

  const tableOf = (actions) =>
    h(
      'table',
      {},
      h('thead', {}, h('tr', {}, ...COLUMNS.map((title) => h('th', { scope: 'col' }, title)))),
      h('tbody', {}, ...actions.flatMap((one) => actionRow(one, { place, columns: COLUMNS.length }))),
    );

  function showPages(more) {
    const step = (page, label, exists) =>
      exists ? h('a', { href: addressOf({ ...place, page }) }, label) : h('span', { class: 'faint' }, label);
    const steps = [step(place.page - 1, '← Newer', place.page > 1), step(place.page + 1, 'Older →', more)];
    replace(pages, ...(place.page > 1 || more ? [h('p', { class: 'steps' }, ...steps)] : []));
  }

  function showFilters() {
    search.show(place.search);
    action.value = place.action;
    outcome.value = place.outcome;
    person.hidden = place.who === '';
    const without = addressOf({ ...place, who: '', page: 1 });
    replace(
      person,
      h('a', { class: 'chip', 'aria-current': 'true', href: without, title: 'Remove this filter' }, `${place.who} ×`),
    );
    const query = criteria();
    const suffix = query.size === 0 ? '' : `?${query}`;
    const link = (kind) =>
      h('a', { class: 'control', download: `audit.${kind}`, href: `/api/audit.${kind}${suffix}` }, kind.toUpperCase());
    replace(exports, link('csv'), link('ndjson'));
  }

  return {
    root,
    focusSearch: () => search.root.focus(),
    show(at) {
      place = at;
      showFilters();
      load();
    },
    update: () => again.look(),
    leave() {
      search.leave();
      loading?.abort();
    },
  };
}
