import { selectionQuery } from '../../ui/api.js';
import { h, replace } from '../../ui/dom.js';
import { count, plural } from '../../ui/format.js';
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
/** While rows arrive, values are counted again after this many milliseconds. */
const COUNT_AGAIN = 10_000;

/** The parts of a filter as an address writes it. */
export function readFilter(text) {
  const [, column = '', is = '', value = ''] = /^(.+?):([a-z]+)(?::(.*))?$/su.exec(text) ?? [];
  return { column, is, value };
}

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
  const column = h('select', { class: 'control', 'aria-label': 'Column' });
  const is = h(
    'select',
    { class: 'control', 'aria-label': 'Comparison', onchange: showValue },
    ...Object.entries(WORDS).map(([value, words]) => h('option', { value }, words)),
  );
  const value = h('input', {
    class: 'control',
    type: 'text',
    'aria-label': 'Value',
    placeholder: 'Value',
    maxlength: 200,
    spellcheck: 'false',
    autocomplete: 'off',
  });
  const form = h(
    'form',
    { class: 'filter-form', onsubmit: add },
    column,
    is,
    value,
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

  function showValue() {
    value.hidden = WITHOUT_VALUE.has(is.value);
  }

  function add(event) {
    event.preventDefault();
    const one = writeFilter({ column: column.value, is: is.value, value: value.value });
    value.value = '';
    navigate({ ...place, where: [...place.where.filter((other) => other !== one), one], page: 1 });
  }

  const without = (one) => addressOf({ ...place, where: place.where.filter((other) => other !== one), page: 1 });

  function showActive() {
    const chip = (one) => {
      const filter = readFilter(one);
      const words = WITHOUT_VALUE.has(filter.is)
        ? `${filter.column} ${WORDS[filter.is]}`
        : `${filter.column} ${WORDS[filter.is] ?? filter.is} ${filter.value}`;
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
        { class: 'chip', 'aria-current': on ? 'true' : null, href },
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
      const names = all
        .filter(({ system, name: one }) => !system || one === '_written_at' || one === '_key')
        .map(({ name: one }) => one);
      if (names.join() === columns.join()) return;
      columns = names;
      column.replaceChildren(...names.map((one) => h('option', { value: one }, one)));
      column.value = names.find((one) => one !== key && !one.startsWith('_')) ?? names[0];
    },
  };
}
