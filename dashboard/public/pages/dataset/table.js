import { h } from '../../ui/dom.js';
import { count, localTime, oneLine } from '../../ui/format.js';
import { addressOf } from '../../ui/location.js';
import { moment } from '../../ui/times.js';

/** Longer text is cut in the table; the view of the row has all of it. */
const LONGEST = 120;
/** The system columns that are always shown; `All columns` shows the others. */
const USUAL = new Set(['_written_at']);

/**
 * The columns of a table; the key comes first and stays in view. It is read from `_key`, which tombstones have too, so the
 * dataset's own key column is left out.
 */
export function shownColumns(page, { key, all, place: { chosen, pinned } }) {
  const position = (name) => page.columns.findIndex((column) => column.name === name);
  const others = offered(page, key).filter(({ name, system }) =>
    chosen.length > 0 ? chosen.includes(name) : !system || all || USUAL.has(name),
  );
  const place = ({ name, index }) => [
    pinned.includes(name) ? 0 : 1,
    chosen.includes(name) ? chosen.indexOf(name) : index,
  ];
  others.sort((a, b) => {
    const [[pinA, atA], [pinB, atB]] = [place(a), place(b)];
    return pinA - pinB || atA - atB;
  });
  return { key: { name: key, index: position('_key') }, deleted: position('_deleted'), others };
}

/** The columns that may be chosen. */
const offered = (page, key) =>
  page.columns.map((column, index) => ({ ...column, index })).filter(({ name }) => name !== '_key' && name !== key);

/** The columns as they are chosen now: those that are shown first, in their order. */
export function choiceOf(page, options) {
  const { others } = shownColumns(page, options);
  const rest = offered(page, options.key).filter(({ name }) => !others.some((one) => one.name === name));
  const { pinned } = options.place;
  return [...others, ...rest].map(({ name }) => ({
    name,
    isShown: others.some((one) => one.name === name),
    isPinned: pinned.includes(name),
  }));
}

/** Puts columns that are pinned beside the key, by the widths that the browser gave to the columns. */
export function placePinned(root) {
  const heads = [...root.querySelectorAll('thead th')];
  let left = 0;
  for (const [index, head] of heads.entries()) {
    if (index > 0 && !head.classList.contains('pinned')) break;
    if (index > 0)
      for (const cell of root.querySelectorAll(`tr > :nth-child(${index + 1})`)) cell.style.left = `${left}px`;
    left += head.getBoundingClientRect().width;
  }
}

/**
 * One page of a dataset as a table.
 *
 * @param onOpen called with a row's index when it is opened
 * @param isNew whether a row was not there before
 */
export function table(page, options, onOpen, isNew) {
  const columns = shownColumns(page, options);
  const classesOf = (name, type) =>
    [classOf(type), options.place.pinned.includes(name) && 'pinned'].filter(Boolean).join(' ') || null;
  const clipped = new Map(page.clipped.map(({ row, column, length }) => [`${row} ${column}`, length]));
  const head = h(
    'tr',
    {},
    header(
      {
        name: columns.key.name === '_key' ? '_key' : columns.key.name,
        label: columns.key.name === '_key' ? 'key' : columns.key.name,
        type: 'string',
        className: 'key',
      },
      options.place,
    ),
    ...columns.others.map(({ name, type }) =>
      header({ name, label: name, type, className: classesOf(name, type) }, options.place),
    ),
  );
  const rows = page.rows.map((row, index) => {
    const deleted = row[columns.deleted] === true;
    const open = h(
      'button',
      { type: 'button', class: 'open', 'data-row': index, title: row[columns.key.index] },
      row[columns.key.index] ?? '',
    );
    const cells = columns.others.map((column) =>
      h(
        'td',
        { class: classesOf(column.name, column.type) },
        cell(row[column.index], column.type, clipped.get(`${index} ${column.name}`)),
      ),
    );
    const state = [deleted && 'deleted', isNew(row) && 'new'].filter(Boolean).join(' ');
    const mark = deleted && h('span', { class: 'tag' }, 'deleted');
    return h(
      'tr',
      { class: state || null, onclick: () => getSelection()?.isCollapsed !== false && onOpen(index) },
      h('th', { scope: 'row', class: 'key' }, open, mark),
      ...cells,
    );
  });
  return h('table', {}, h('thead', {}, head), h('tbody', { onkeydown: moveBetweenRows }, ...rows));
}

/** The head of a column. It sorts by the column, then in the other direction, then by time again. */
function header({ name, label, type, className }, place) {
  const state = place.sort === name ? 'ascending' : place.sort === `-${name}` ? 'descending' : null;
  const next = state === null ? name : state === 'ascending' ? `-${name}` : '';
  const arrow = { ascending: ' ↑', descending: ' ↓' }[state] ?? '';
  const link = h(
    'a',
    { href: addressOf({ ...place, sort: next, page: 1 }), title: `Sort by this column (${type})` },
    label,
    arrow && h('span', { 'aria-hidden': 'true' }, arrow),
  );
  return h('th', { scope: 'col', class: className, 'aria-sort': state }, link);
}

const classOf = (type) =>
  ({
    integer: 'number',
    number: 'number',
    decimal: 'number',
    datetime: 'time',
    date: 'time',
    list: 'list',
    json: 'list',
  })[type] ?? null;

/** A value in a table: one line, cut if it is long. */
function cell(value, type, length) {
  if (value === null || value === '') return h('span', { class: 'faint' }, '–');
  if (type === 'boolean') return h('span', { class: value === true ? 'yes' : 'no' }, value === true ? 'yes' : 'no');
  if (type === 'datetime' && localTime(value) !== undefined) return moment(value);
  if (typeof value === 'number') return String(value);
  const text = oneLine(value);
  if (text.length <= LONGEST && length === undefined) return text;
  return h('span', { title: `${count(length ?? text.length)} characters` }, `${text.slice(0, LONGEST)}…`);
}

/** The arrow keys move from row to row. */
function moveBetweenRows(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const row = event.target.closest('tr');
  if (step === undefined || row === null) return;
  const next = step === 1 ? row.nextElementSibling : row.previousElementSibling;
  next?.querySelector('button')?.focus();
  event.preventDefault();
}
