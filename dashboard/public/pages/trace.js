import { get } from '../ui/api.js';
import { h, replace } from '../ui/dom.js';
import { emptyState } from '../ui/empty.js';
import { count, oneLine, plural, sentence } from '../ui/format.js';
import { addressOf } from '../ui/location.js';
import { moment } from '../ui/times.js';

/** Where a record is, and how it came there: every version of a key, what changed, and what was made of it. */
export function createView(_place, { navigate, announce }) {
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

  function render({ dataset: name, versions, total, seenAgain, merged, deadLetters }) {
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
      seenAgain === null ? '' : againLine(seenAgain),
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
  const link = ({ id, reason }) => h('li', {}, h('a', { href: addressOf({ at: 'dead-letters', letter: id }) }, reason));
  return h(
    'div',
    { class: 'notice bad' },
    `${plural(found.length, 'dead letter')} of this key:`,
    h('ul', {}, ...found.map(link)),
  );
}

const VERDICTS = { duplicate: 'the same content again: a duplicate', stale: 'an older version: stale' };

/** Whether the key still comes, though nothing of it is new; and how far back that can be told. */
function againLine({ last, since, note }) {
  const reach =
    since === null ? '' : h('span', { class: 'faint' }, ' Notes of that reach back to ', moment(since), '.');
  const words = () => {
    if (note !== null) return [h('span', { class: 'faint' }, `not known: ${note}`)];
    if (last === null) return [since === null ? 'nothing has come again that needed no row' : 'not of late.', reach];
    return [moment(last.at), `, ${VERDICTS[last.verdict]}, dropped by ${last.consumer}.`, reach];
  };
  return h('p', { class: 'again' }, h('span', { class: 'step' }, 'Seen again'), ' ', h('span', {}, ...words()));
}

/** Which poll brought it, and whether RabbitMQ has all of that; or why that cannot be told. */
function runSteps({ runs, note, since, endpoints }) {
  if (runs.length === 0) {
    const from = endpoints.length === 0 ? 'Its run is ' : `Of ${endpoints.join(' or ')}; its run is `;
    return [['Run', h('span', { class: 'faint' }, from, note, since !== null && [' ', moment(since)]), '']];
  }
  return runs.flatMap(({ endpoint, run, producer, startedAt, endedAt, confirmedAt, published, error }) => [
    ['Run', `${count(run)} of ${endpoint}`, ['begun ', moment(startedAt), ` by ${producer}`]],
    confirmedAt === null
      ? [
          'Confirmed',
          `${plural(published, 'message')} of the run`,
          ['until ', moment(endedAt), `, when it failed: ${error}`],
        ]
      : ['Confirmed', moment(confirmedAt), `with all ${plural(published, 'message')} of the run`],
  ]);
}

/** What became durable in the same write. */
function batchWords(batch, place) {
  if (batch === null) return '';
  if (batch.rows === 1) return 'by itself';
  const others = `with ${plural(batch.rows - 1, 'other')}`;
  if (batch.records === null) return `${others} in one transaction`;
  const [first, last] = batch.records.map(count);
  return `${others} in one write: records ${first} to ${last} of ${place.split(',')[0]}`;
}

/** One version: the steps that it took, and what it changed. */
function versionItem(traced, first) {
  const { deleted, version, hash, messageIds, fetchedAt, writtenAt, consumer, batch, place, changes, values } = traced;
  const steps = [
    ['Fetched', fetchedAt === null ? 'not known' : moment(fetchedAt), ''],
    ...runSteps(traced),
    ['Message', h('code', {}, messageIds.join(' + ')), ''],
    ['Accepted', consumer === null ? 'as new content' : `by ${consumer}`, `version ${version || 'of the fetch'}`],
    ['Written', moment(writtenAt), batchWords(batch, place)],
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
          h('span', {}, how, more !== '' && h('span', { class: 'faint' }, ' ', ...[more].flat())),
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
