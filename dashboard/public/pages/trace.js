import { createAgain } from '../ui/again.js';
import { get } from '../ui/api.js';
import { h, replace } from '../ui/dom.js';
import { emptyState } from '../ui/empty.js';
import { count, plural, sentence } from '../ui/format.js';
import { addressOf, LONGEST_KEY } from '../ui/location.js';
import { moment } from '../ui/times.js';
import { compareVersions } from './trace/compare.js';
import { versionItem } from './trace/version.js';

/** Where a record is and how it got there: every version of a key, what changed, and the merged rows made from it. */
export function createView(_place, { navigate, announce }) {
  let place;
  let loading;
  let datasets = [];
  let shown; // the answer that is shown
  const again = createAgain(() => load());
  const key = h('input', {
    class: 'control',
    type: 'search',
    placeholder: 'Key of a record, such as C-000001',
    'aria-label': 'Key',
    maxlength: LONGEST_KEY,
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
    again.done();
    if (place.key === '') {
      replace(
        answer,
        emptyState(
          'Find a record',
          'Enter a key to see every version of the record: when it was fetched, which consumer wrote it, where it is stored, and which merged rows were made from it.',
        ),
      );
      return;
    }
    const query = new URLSearchParams({
      key: place.key,
      ...(place.dataset === undefined ? {} : { dataset: place.dataset }),
    });
    try {
      shown = await get(`/trace?${query}`, mine.signal);
      render(shown);
      announce(`${plural(shown.versions.length, 'version')} found`);
    } catch (failure) {
      if (mine.signal.aborted) return;
      shown = undefined;
      again.failed(failure);
      replace(answer, emptyState('The record cannot be traced', sentence(failure.message)));
    }
  }

  /** The dataset of the address, else the one where the key was found. */
  function choose() {
    const name = place?.dataset ?? shown?.dataset;
    if (name !== undefined) dataset.value = name;
  }

  function render({ dataset: name, versions, total, seenAgain, merged, deadLetters }) {
    choose();
    if (versions.length === 0) {
      const others = datasets
        .filter((one) => one !== name)
        .map((one) => h('a', { href: addressOf({ at: 'trace', dataset: one, key: place.key }) }, `Search in ${one}`))
        .flatMap((link, index) => (index === 0 ? [link] : [', ', link]));
      replace(
        answer,
        emptyState(
          `There is no “${place.key}” in ${name}`,
          deadLetters.length > 0
            ? 'There are dead letters with this key.'
            : 'The key must match exactly, including capital letters.',
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
        ', newest first',
      ),
      seenAgain === null ? '' : againLine(seenAgain),
      versions.length > 1 && compareVersions(versions),
      h(
        'ol',
        { class: 'versions' },
        ...versions.map((version, index) =>
          versionItem(version, index === versions.length - 1 && total === versions.length),
        ),
      ),
      merged.length > 0 && h('section', {}, h('h2', {}, 'Merged rows'), ...merged.map(mergedRows)),
    );
  }

  function mergedRows({ dataset: name, rows, total }) {
    return h(
      'div',
      { class: 'merged' },
      h(
        'p',
        {},
        h('a', { href: addressOf({ dataset: name, search: partOfKey(place.key) }) }, name),
        `: ${plural(total, 'current row')}`,
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
      shown = undefined;
      choose();
      load();
    },
    update({ datasets: all }) {
      again.look();
      if (datasets.length === all.length) return;
      datasets = all.map(({ name }) => name);
      dataset.replaceChildren(...datasets.map((name) => h('option', { value: name }, name)));
      choose();
      // The links to the other datasets were not known when it was shown.
      if (shown?.versions.length === 0) render(shown);
    },
    leave: () => loading?.abort(),
  };
}

/** A key as it stands within the key of a merged row (consumer/src/merge/rows.ts). */
const partOfKey = (key) => key.replaceAll('%', '%25').replaceAll('/', '%2F');

function letters(found) {
  if (found.length === 0) return '';
  const link = ({ id, reason }) => h('li', {}, h('a', { href: addressOf({ at: 'dead-letters', letter: id }) }, reason));
  return h(
    'div',
    { class: 'notice bad' },
    `${plural(found.length, 'dead letter')} with this key:`,
    h('ul', {}, ...found.map(link)),
  );
}

const VERDICTS = { duplicate: 'a duplicate (the same content)', stale: 'an older version' };

/** When the key last came again with nothing new, and how far back that is known. */
function againLine({ last, since, note }) {
  const reach = since === null ? '' : h('span', { class: 'faint' }, ' These notes go back to ', moment(since), '.');
  const words = () => {
    if (note !== null) return [h('span', { class: 'faint' }, `unknown: ${note}`)];
    if (last === null) return ['no duplicate and no older version is noted.', reach];
    return [moment(last.at), `: ${VERDICTS[last.verdict]}, dropped by ${last.consumer}.`, reach];
  };
  return h('p', { class: 'again' }, h('span', { class: 'step' }, 'Seen again'), ' ', h('span', {}, ...words()));
}
