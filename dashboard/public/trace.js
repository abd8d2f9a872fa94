import { get } from './api.js';
import { h, replace } from './dom.js';
import { count, oneLine, plural, sentence } from './format.js';
import { addressOf } from './location.js';
import { emptyState, moment } from './parts.js';

/** Where a record is, and how it came there: every version of a key, what changed, and what was made of it. */
export function createTraceView({ navigate, announce }) {
  let place;
  let loading;
  let datasets = [];
  const key = h('input', {
    class: 'control',
    type: 'search',
    placeholder: 'The key of a record, such as c-000001',
    'aria-label': 'Key',
    maxlength: 2000,
    spellcheck: 'false',
    autocomplete: 'off',
  });
  const dataset = h('select', { class: 'control', 'aria-label': 'Dataset' });
  const form = h(
    'form',
    { class: 'tools', onsubmit: submit },
    dataset,
    key,
    h('button', { type: 'submit', class: 'control primary' }, 'Trace'),
  );
  const answer = h('div', { class: 'trace' });
  const root = h(
    'section',
    { class: 'page', 'aria-labelledby': 'title' },
    h('div', { class: 'heading' }, h('h1', { id: 'title' }, 'Trace')),
    form,
    answer,
  );

  function submit(event) {
    event.preventDefault();
    navigate({ at: 'trace', dataset: dataset.value || undefined, key: key.value.trim() });
  }

  async function load() {
    loading?.abort();
    const mine = new AbortController();
    loading = mine;
    if (place.key === '') {
      replace(
        answer,
        emptyState(
          'Where is a record?',
          'Enter its key: every version of it, when it was fetched, which consumer wrote it where, and what was made of it.',
        ),
      );
      return;
    }
    const query = new URLSearchParams({
      key: place.key,
      ...(place.dataset === undefined ? {} : { dataset: place.dataset }),
    });
    try {
      const found = await get(`/trace?${query}`, mine.signal);
      render(found);
      announce(`${plural(found.versions.length, 'version')} found`);
    } catch (failure) {
      if (!mine.signal.aborted) replace(answer, emptyState('It cannot be traced', sentence(failure.message)));
    }
  }

  function render({ dataset: name, versions, total, merged, deadLetters }) {
    if (versions.length === 0) {
      const others = datasets
        .filter((one) => one !== name)
        .map((one) => h('a', { href: addressOf({ at: 'trace', dataset: one, key: place.key }) }, `Look in ${one}`));
      replace(
        answer,
        emptyState(
          `${name} has no “${place.key}”`,
          deadLetters.length > 0 ? 'But there are dead letters of that key.' : 'Keys are compared exactly.',
          ...others,
        ),
        letters(deadLetters),
      );
      return;
    }
    replace(
      answer,
      letters(deadLetters),
      h(
        'p',
        { class: 'quiet' },
        total > versions.length
          ? `The newest ${count(versions.length)} of ${plural(total, 'version')}`
          : plural(total, 'version'),
        ', the newest first',
      ),
      h(
        'ol',
        { class: 'versions' },
        ...versions.map((version, index) =>
          versionItem(version, index === versions.length - 1 && total === versions.length),
        ),
      ),
      merged.length > 0 && h('section', {}, h('h2', {}, 'What was made of it'), ...merged.map(mergedRows)),
    );
  }

  function mergedRows({ dataset: name, rows, total }) {
    return h(
      'div',
      { class: 'merged' },
      h(
        'p',
        {},
        h('a', { href: addressOf({ dataset: name, search: place.key }) }, name),
        `: ${plural(total, 'row')} of today's join`,
      ),
      h(
        'ul',
        {},
        ...rows.map((row) => h('li', {}, h('a', { href: addressOf({ at: 'trace', dataset: name, key: row }) }, row))),
      ),
    );
  }

  return {
    root,
    focusSearch: () => key.focus(),
    show(to) {
      place = to;
      key.value = place.key;
      if (place.dataset !== undefined) dataset.value = place.dataset;
      load();
    },
    update({ datasets: all }) {
      if (datasets.length === all.length) return;
      datasets = all.map(({ name }) => name);
      dataset.replaceChildren(...datasets.map((name) => h('option', { value: name }, name)));
      dataset.value = place?.dataset ?? datasets[0] ?? '';
    },
    leave: () => loading?.abort(),
  };
}

function letters(found) {
  if (found.length === 0) return '';
  const link = ({ id, reason }) => h('li', {}, h('a', { href: addressOf({ at: 'letters', letter: id }) }, reason));
  return h(
    'div',
    { class: 'notice bad' },
    `${plural(found.length, 'dead letter')} of this key:`,
    h('ul', {}, ...found.map(link)),
  );
}

/** One version: the steps that it took, and what it changed. */
function versionItem(
  { deleted, version, hash, messageIds, fetchedAt, endpoints, writtenAt, consumer, batch, place, changes, values },
  first,
) {
  const steps = [
    [
      'Fetched',
      fetchedAt === null ? 'not known' : moment(fetchedAt),
      endpoints.length === 0 ? '' : `from ${endpoints.join(' or ')}`,
    ],
    ['Message', h('code', {}, messageIds.join(' + ')), ''],
    ['Accepted', consumer === null ? 'as new content' : `by ${consumer}`, `version ${version || 'of the fetch'}`],
    ['Written', moment(writtenAt), batch === null ? '' : `in a batch of ${count(batch)}`],
    ['Lies in', h('code', {}, place), ''],
  ];
  const title = deleted ? 'Closed' : first ? 'First seen' : 'Changed';
  return h(
    'li',
    { class: deleted ? 'version deleted' : 'version' },
    h('h2', {}, title, h('span', { class: 'faint' }, ` ${hash.slice(0, 12)}`)),
    h(
      'ol',
      { class: 'steps-taken' },
      ...steps.map(([what, how, more]) =>
        h(
          'li',
          {},
          h('span', { class: 'step' }, what),
          ' ',
          how,
          more !== '' && h('span', { class: 'faint' }, ` ${more}`),
        ),
      ),
    ),
    changes.length > 0 &&
      h(
        'table',
        { class: 'diff' },
        h('caption', { class: 'unseen' }, 'What changed'),
        h('thead', {}, h('tr', {}, ...['Field', 'Before', 'After'].map((head) => h('th', { scope: 'col' }, head)))),
        h('tbody', {}, ...changes.map(changeRow)),
      ),
    !deleted && h('details', {}, h('summary', {}, 'The whole row'), h('pre', {}, JSON.stringify(values, null, 2))),
  );
}

const changeRow = ({ field, before, after }) =>
  h(
    'tr',
    {},
    h('th', { scope: 'row' }, field),
    h('td', { class: 'before' }, show(before)),
    h('td', { class: 'after' }, show(after)),
  );
const show = (value) => (value === null ? '–' : oneLine(value));
