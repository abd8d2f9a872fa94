import { downloadAddress } from '../../ui/api.js';
import { h, setText } from '../../ui/dom.js';
import { addressOf } from '../../ui/location.js';
import { NO_CHART } from './chart.js';
import { copyText } from './row.js';

/** A search starts when typing has paused for this long, in milliseconds. */
const TYPING_PAUSE = 250;

/**
 * The tools above a table: latest or all versions, the search, the columns, the download. They are made once for each
 * dataset and kept, so that typing is never interrupted.
 *
 * @param {{ onSearch: (text: string) => void, onLive: (live: boolean) => void, onDown: () => void, onColumns: () => void }} actions
 */
export function createTools(name, { onSearch, onLive, onDown, onColumns }) {
  let typing;
  const views = h('div', { class: 'views', role: 'group', 'aria-label': 'Which rows' });
  const search = h('input', {
    class: 'control',
    type: 'search',
    placeholder: 'Search all columns',
    'aria-label': `Search ${name}`,
    maxlength: 200,
    enterkeyhint: 'search',
    spellcheck: 'false',
    autocomplete: 'off',
    oninput() {
      clearTimeout(typing);
      typing = setTimeout(apply, TYPING_PAUSE);
    },
    onkeydown(event) {
      if (event.key === 'Enter') apply();
      if (event.key !== 'ArrowDown') return;
      event.preventDefault();
      onDown();
    },
  });
  const live = h(
    'button',
    {
      type: 'button',
      class: 'control toggle',
      'aria-pressed': 'true',
      title: 'Show new rows when they are written',
      onclick: toggle,
    },
    'Show live',
  );
  const columns = h('a', { class: 'control toggle' }, 'All columns');
  const chart = h('a', { class: 'control toggle' }, 'Chart');
  const choose = h('button', { type: 'button', class: 'control', onclick: onColumns }, 'Columns…');
  const copy = h(
    'button',
    {
      type: 'button',
      class: 'control',
      title: 'The address of what is shown',
      onclick: () => copyText(copy, location.href),
    },
    'Copy link',
  );
  copy.hidden = navigator.clipboard === undefined;
  const csv = h('a', { class: 'control download', download: true });
  const ndjson = h('a', { class: 'control', download: true, title: 'One JSON object per line' }, 'NDJSON');

  function apply() {
    clearTimeout(typing);
    onSearch(search.value.trim());
  }

  function toggle() {
    const on = live.getAttribute('aria-pressed') !== 'true';
    live.setAttribute('aria-pressed', String(on));
    onLive(on);
  }

  return {
    root: h(
      'div',
      { class: 'tools' },
      views,
      search,
      live,
      columns,
      choose,
      chart,
      h('span', { class: 'push' }, copy, csv, ndjson),
    ),
    focusSearch: () => search.focus(),
    leave: () => clearTimeout(typing),
    /** Shows that there are newer rows than those in the table. */
    markBehind: (behind) => live.classList.toggle('behind', behind),
    show(place) {
      const view = (which, label) => {
        const href = addressOf({ ...place, view: which, page: 1 });
        return h('a', { href, 'aria-current': place.view === which ? 'true' : null }, label);
      };
      views.replaceChildren(view('latest', 'Latest'), view('history', 'History'));
      // What a person is typing is newer than the address.
      if (document.activeElement !== search || place.search === '') search.value = place.search;
      columns.href = addressOf({ ...place, all: !place.all });
      columns.setAttribute('aria-current', String(place.all));
      const isDrawn = place.chart !== '';
      chart.href = addressOf({ ...place, ...NO_CHART, chart: isDrawn ? '' : 'bar' });
      chart.setAttribute('aria-current', String(isDrawn));
      columns.hidden = place.chosen.length > 0;
      setText(copy, 'Copy link');
      const chosen = place.search !== '' || place.where.length > 0;
      csv.href = downloadAddress(name, place);
      ndjson.href = downloadAddress(name, place, 'ndjson');
      setText(csv, chosen ? 'Download these rows' : 'Download CSV');
    },
  };
}
