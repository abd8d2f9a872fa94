import { h } from '../../ui/dom.js';
import { count, localTime } from '../../ui/format.js';
import { addressOf } from '../../ui/location.js';
import { moment } from '../../ui/times.js';

/** Shows one row with every column in full, in a panel over the page. When it closes, the focus returns to the row. */
export function openDetail(page, index, { dataset, key }) {
  const row = page.rows[index];
  const record = Object.fromEntries(page.columns.map(({ name }, position) => [name, row[position]]));
  const lengths = new Map(
    page.clipped.filter((one) => one.row === index).map(({ column, length }) => [column, length]),
  );
  const name = String(record._key ?? '');
  const entry = (column) => [
    h(
      'dt',
      {},
      column.name === key ? h('strong', {}, column.name) : column.name,
      h('small', {}, column.system ? null : column.type),
    ),
    h('dd', {}, ...full(record[column.name], column.type, lengths.get(column.name))),
  ];
  const own = page.columns.filter((column) => !column.system);
  const system = page.columns.filter((column) => column.system);

  const copy = h(
    'button',
    { type: 'button', class: 'control', onclick: () => copyText(copy, JSON.stringify(record, null, 2)) },
    'Copy as JSON',
  );
  const dialog = h(
    'dialog',
    { class: 'detail', 'aria-labelledby': 'detail-title' },
    h(
      'header',
      {},
      h('h2', { id: 'detail-title' }, name, record._deleted === true && h('span', { class: 'tag' }, 'deleted')),
      h('button', { type: 'button', class: 'close', 'aria-label': 'Close', onclick: () => dialog.close() }, '×'),
    ),
    h(
      'div',
      { class: 'body', tabindex: '0' },
      record._deleted === true &&
        h('p', { class: 'notice' }, 'This row marks a deletion: the record no longer exists at its source.'),
      h('dl', {}, ...(record._deleted === true ? [] : own.flatMap(entry))),
      h('h3', {}, 'Added by Tributary'),
      h('dl', {}, ...system.flatMap(entry)),
    ),
    h(
      'footer',
      {},
      h('a', { href: addressOf({ at: 'trace', dataset, key: name }), onclick: () => dialog.close() }, 'Trace this key'),
      navigator.clipboard !== undefined && copy,
    ),
  );
  dialog.addEventListener('close', () => dialog.remove());
  dialog.addEventListener('click', (event) => {
    // A click on the dialog itself is a click on the backdrop: everything else in it has elements of its own.
    if (event.target === dialog) dialog.close();
  });
  document.body.append(dialog);
  dialog.showModal();
}

/** A value in full. */
function full(value, type, length) {
  if (value === null) return [h('span', { class: 'faint' }, '–')];
  if (type === 'datetime' && localTime(value) !== undefined) return [moment(value), h('small', {}, String(value))];
  if (Array.isArray(value) && value.length > 0 && value.every(isFlat)) return [smallTable(value)];
  const text = typeof value === 'object' ? JSON.stringify(value, null, 2) : String(value);
  const cut =
    length !== undefined &&
    `These are the first ${count(text.length)} of ${count(length)} characters. The download has all of them.`;
  return [h('span', { class: 'value' }, text), cut && h('small', {}, cut)].filter(Boolean);
}

const isFlat = (item) =>
  item !== null &&
  typeof item === 'object' &&
  Object.values(item).every((part) => typeof part !== 'object' || part === null);

function smallTable(items) {
  const names = [...new Set(items.flatMap((item) => Object.keys(item)))];
  return h(
    'table',
    { class: 'inner' },
    h('thead', {}, h('tr', {}, ...names.map((name) => h('th', { scope: 'col' }, name)))),
    h('tbody', {}, ...items.map((item) => h('tr', {}, ...names.map((name) => h('td', {}, String(item[name] ?? '–')))))),
  );
}

export async function copyText(button, text) {
  const done = await navigator.clipboard.writeText(text).then(
    () => 'Copied',
    () => 'The browser refused to copy',
  );
  button.textContent = done;
}
