import { h } from './dom.js';

/** A message in the place of data: what the situation is, and what a person can do. */
export function emptyState(title, text, ...actions) {
  return h(
    'div',
    { class: 'empty' },
    h('h2', {}, title),
    h('p', {}, text),
    actions.length > 0 && h('p', {}, ...actions),
  );
}

/** Like {@link emptyState}, as the whole content of the page. */
export function emptyPage(title, text, ...actions) {
  const message = actions.length > 0 && h('p', {}, ...actions);
  return h('div', { class: 'empty' }, h('h1', {}, title), h('p', {}, text), message);
}
