import { h } from './dom.js';

/** A message where data would be: what is the case, and what one can do. */
export function emptyState(title, text, ...actions) {
  return h(
    'div',
    { class: 'empty' },
    h('h2', {}, title),
    h('p', {}, text),
    actions.length > 0 && h('p', {}, ...actions),
  );
}

/** As {@link emptyState}, where it is all that the page shows. */
export function emptyPage(title, text, ...actions) {
  const message = actions.length > 0 && h('p', {}, ...actions);
  return h('div', { class: 'empty' }, h('h1', {}, title), h('p', {}, text), message);
}
