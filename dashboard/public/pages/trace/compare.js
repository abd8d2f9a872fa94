import { h, replace } from '../../ui/dom.js';
import { localTime, oneLine } from '../../ui/format.js';

/**
 * Any two versions of a record beside each other: the fields in which they differ.
 *
 * @param {object[]} versions the newest first
 */
export function compareVersions(versions) {
  const words = ({ deleted, hash, writtenAt }) =>
    `${localTime(writtenAt) ?? writtenAt}${deleted ? ', deleted' : ''} (${hash.slice(0, 8)})`;
  const choice = (label, at) => {
    const options = versions.map((one, index) => h('option', { value: index, selected: index === at }, words(one)));
    return h('select', { class: 'control', 'aria-label': label, onchange: show }, ...options);
  };
  const from = choice('Earlier version', versions.length - 1);
  const to = choice('Later version', 0);
  const found = h('div', { role: 'status' });

  function show() {
    const [before, after] = [versions[from.value], versions[to.value]].map(({ deleted, values }) =>
      deleted ? {} : values,
    );
    const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    const differing = names.filter(
      (name) => JSON.stringify(before[name] ?? null) !== JSON.stringify(after[name] ?? null),
    );
    const row = (name) =>
      h(
        'tr',
        {},
        h('th', { scope: 'row' }, name),
        h('td', { class: 'before' }, shown(before[name])),
        h('td', { class: 'after' }, shown(after[name])),
      );
    const head = ['Field', 'Earlier', 'Later'].map((title) => h('th', { scope: 'col' }, title));
    replace(
      found,
      differing.length === 0
        ? h('p', { class: 'quiet' }, 'They hold the same.')
        : h('table', { class: 'diff' }, h('thead', {}, h('tr', {}, ...head)), h('tbody', {}, ...differing.map(row))),
    );
  }

  show();
  return h(
    'details',
    { class: 'compare' },
    h('summary', {}, 'Compare two versions'),
    h('p', { class: 'tools' }, from, h('span', {}, 'with'), to),
    found,
  );
}

const shown = (value) => (value === null || value === undefined ? '–' : oneLine(value));
