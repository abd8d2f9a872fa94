import { downloadAddress } from '../../ui/api.js';
import { h, setText } from '../../ui/dom.js';
import { addressOf } from '../../ui/location.js';

/** A search begins when the typing pauses, in milliseconds. */
const TYPING_PAUSE = 250;

/**
 * What stands over a table: which rows, the search, which columns, the download. Made once for each dataset and kept,
 * so that typing is never interrupted.
 *
 * @param {{ onSearch: (text: string) => void, onFollow: (following: boolean) => void, onDown: () => void }} actions
 */
export function createTools(name, { onSearch, onFollow, onDown }) {
  let typing;
  const views = h('div', { class: 'views', role: 'group', 'aria-label': 'Which rows' });
  const search = h('input', {
    class: 'control',
    type: 'search',
    placeholder: 'Search every column',
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
  const follow = h(
    'button',
    {
      type: 'button',
      class: 'control toggle',
      'aria-pressed': 'true',
      title: 'Show new rows as they are written',
      onclick: toggle,
    },
    'Follow',
  );
  const columns = h('a', { class: 'control toggle' }, 'All columns');
  const csv = h('a', { class: 'control download', download: true });
  const ndjson = h('a', { class: 'control', download: true, title: 'One JSON object a line' }, 'NDJSON');

  function apply() {
    clearTimeout(typing);
    onSearch(search.value.trim());
  }

  function toggle() {
    const following = follow.getAttribute('aria-pressed') !== 'true';
    follow.setAttribute('aria-pressed', String(following));
    onFollow(following);
  }

  return {
    root: h('div', { class: 'tools' }, views, search, follow, columns, h('span', { class: 'push' }, csv, ndjson)),
    focusSearch: () => search.focus(),
    leave: () => clearTimeout(typing),
    /** Tells that there are newer rows than the table shows. */
    markBehind: (behind) => follow.classList.toggle('behind', behind),
    show(place) {
      const view = (which, label) => {
        const href = addressOf({ ...place, view: which, page: 1 });
        return h('a', { href, 'aria-current': place.view === which ? 'true' : null }, label);
      };
      views.replaceChildren(view('latest', 'Latest'), view('history', 'History'));
      // What someone is typing is newer than the address.
      if (document.activeElement !== search || place.search === '') search.value = place.search;
      columns.href = addressOf({ ...place, all: !place.all });
      columns.setAttribute('aria-current', String(place.all));
      const chosen = place.search !== '' || place.where.length > 0;
      csv.href = downloadAddress(name, place);
      ndjson.href = downloadAddress(name, place, 'ndjson');
      setText(csv, chosen ? 'Download these rows' : 'Download CSV');
    },
  };
}
