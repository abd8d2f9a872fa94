import { selectionQuery } from '../../ui/api.js';
import { h, replace } from '../../ui/dom.js';
import { count, localTime, plural, showsUtc } from '../../ui/format.js';
import { addressOf } from '../../ui/location.js';

/** The comparisons as a person reads them. */
const WORDS = {
  is: 'is',
  not: 'is not',
  contains: 'contains',
  above: '>',
  below: '<',
  from: '≥',
  to: '≤',
  empty: 'is empty',
  filled: 'is not empty',
};
const WITHOUT_VALUE = new Set(['empty', 'filled']);
/** Two filters at once. */
const BETWEEN = 'between';
/** The comparisons that are of use for a column of these types; all for others. */
const ORDERED = ['is', 'not', 'above', 'below', 'from', 'to', BETWEEN, 'empty', 'filled'];
const OFFERED = {
  boolean: ['is', 'not', 'empty', 'filled'],
  integer: ORDERED,
  number: ORDERED,
  decimal: ORDERED,
  date: ORDERED,
  datetime: ORDERED,
};
const FIELDS = { date: 'date', datetime: 'datetime-local' };
/** While rows arrive, values are counted again after this many milliseconds. */
const COUNT_AGAIN = 10_000;

/** The parts of a filter as an address writes it. */
export function readFilter(text) {
  const [, column = '', is = '', value = ''] = /^(.+?):([a-z]+)(?::(.*))?$/su.exec(text) ?? [];
  return { column, is, value };
}

/** A moment in the zone in which times are shown. */
const asRead = (value) => (/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value) ? (localTime(value) ?? value) : value);

const writeFilter = ({ column, is, value }) => (WITHOUT_VALUE.has(is) ? `${column}:${is}` : `${column}:${is}:${value}`);

/**
 * The filters above a table, and the facets: how often each value occurs, as links to the rows that have it. The facets come with
 * the rows, as of the same moment.
 *
 * @param {(place: object) => void} navigate
 * @param {() => void} onOpen called when a person wants to see the facets
 */
export function createFilters(navigate, onOpen) {
  let place;
  let columns = [];
  let counted; // what the facets were asked for last, and when

  const active = h('p', { class: 'facet active-filters' });
  const column = h('select', { class: 'control', 'aria-label': 'Column', onchange: showComparisons });
  const is = h('select', { class: 'control', 'aria-label': 'Comparison', onchange: showValue });
  const value = h('input', {
    class: 'control',
    type: 'text',
    'aria-label': 'Value',
    placeholder: 'Value',
    maxlength: 200,
    spellcheck: 'false',
    autocomplete: 'off',
  });
  const last = h('input', {
    class: 'control',
    type: 'text',
    'aria-label': 'Last value',
    placeholder: 'and',
    maxlength: 200,
  });
  const form = h(
    'form',
    { class: 'filter-form', onsubmit: add },
    column,
    is,
    value,
    last,
    h('button', { type: 'submit', class: 'control' }, 'Add filter'),
  );
  const facets = h('div', { class: 'facets' });
  const box = h(
    'details',
    { class: 'filter-box', ontoggle: () => wantsFacets() && onOpen() },
    h('summary', {}, 'Filters'),
    form,
    facets,
  );

  const typeOf = () => columns.find(({ name }) => name === column.value)?.type;

  function showComparisons() {
    const type = typeOf();
    const words = { ...WORDS, [BETWEEN]: 'is between' };
    const offered = OFFERED[type] ?? [...Object.keys(WORDS), BETWEEN];
    const before = is.value;
    is.replaceChildren(...offered.map((one) => h('option', { value: one }, words[one])));
    if (offered.includes(before)) is.value = before;
    for (const input of [value, last]) {
      const field = FIELDS[type] ?? 'text';
      if (input.type === field) continue;
      input.type = field;
      input.value = '';
      if (field === 'datetime-local') input.step = '1';
    }
    showValue();
  }

  function showValue() {
    value.hidden = WITHOUT_VALUE.has(is.value);
    last.hidden = is.value !== BETWEEN;
  }

  /** A time is written in the zone in which times are shown. */
  function given(input) {
    if (input.type !== 'datetime-local' || input.value === '') return input.value;
    return showsUtc() ? `${input.value}Z` : new Date(input.value).toISOString();
  }

  function add(event) {
    event.preventDefault();
    const of = column.value;
    const all =
      is.value === BETWEEN
        ? [
            ['from', given(value)],
            ['to', given(last)],
          ].filter(([, end]) => end !== '')
        : [[is.value, given(value)]];
    const more = all.map(([comparison, end]) => writeFilter({ column: of, is: comparison, value: end }));
    value.value = '';
    last.value = '';
    navigate({ ...place, where: [...place.where.filter((other) => !more.includes(other)), ...more], page: 1 });
  }

  const without = (one) => addressOf({ ...place, where: place.where.filter((other) => other !== one), page: 1 });

  function showActive() {
    const chip = (one) => {
      const filter = readFilter(one);
      const words = WITHOUT_VALUE.has(filter.is)
        ? `${filter.column} ${WORDS[filter.is]}`
        : `${filter.column} ${WORDS[filter.is] ?? filter.is} ${asRead(filter.value)}`;
      return h(
        'a',
        { class: 'chip', 'aria-current': 'true', href: without(one), title: 'Remove this filter' },
        words,
        h('span', { class: 'faint', 'aria-label': 'remove' }, ' ×'),
      );
    };
    const all =
      place.where.length > 1 && h('a', { href: addressOf({ ...place, where: [], page: 1 }) }, 'Remove all filters');
    replace(active, ...place.where.map(chip), all || '');
    active.hidden = place.where.length === 0;
  }

  const selectionOf = (at) => selectionQuery({ ...at, sort: '' }).toString();

  function wantsFacets() {
    if (!box.open || place === undefined) return false;
    return counted?.selection !== selectionOf(place) || Date.now() - counted.at >= COUNT_AGAIN;
  }

  function facet({ column: of, values, more }) {
    const chip = ({ value: found, count: times }) => {
      const one = writeFilter(
        found === null ? { column: of, is: 'empty' } : { column: of, is: 'is', value: String(found) },
      );
      const on = place.where.includes(one);
      const href = on ? without(one) : addressOf({ ...place, where: [...place.where, one], page: 1 });
      return h(
        'a',
        { class: 'chip', 'aria-current': on ? 'true' : null, href, title: found === null ? 'nothing' : String(found) },
        found === null ? '–' : String(found),
        h('span', { class: 'faint' }, ` ${count(times)}`),
      );
    };
    return h(
      'p',
      { class: 'facet' },
      h('span', { class: 'facet-name' }, of),
      ...values.map(chip),
      more > 0 && h('span', { class: 'faint' }, `and ${plural(more, 'more value')}`),
    );
  }

  return {
    root: h('div', { class: 'filters' }, active, box),
    show(to) {
      place = to;
      showActive();
    },
    /** Whether the next rows should come with facets. */
    wantsFacets,
    /** Facets are asked for now: not again before they have come, or for a while. @param at the place that they are of */
    askedFor(at) {
      counted = { selection: selectionOf(at), at: Date.now() };
    },
    /** What was asked for was given up. */
    askAgain() {
      counted = undefined;
    },
    showFacets(found) {
      replace(facets, ...found.map(facet));
    },
    /** Offers the columns of the rows, when a page of them has been read. */
    offer(all, key) {
      const some = all.filter(({ system, name: one }) => !system || one === '_written_at' || one === '_key');
      const [names, before] = [some, columns].map((list) => list.map(({ name: one }) => one));
      if (names.join() === before.join()) return;
      columns = some;
      column.replaceChildren(...names.map((one) => h('option', { value: one }, one)));
      column.value = names.find((one) => one !== key && !one.startsWith('_')) ?? names[0];
      showComparisons();
    },
  };
}
