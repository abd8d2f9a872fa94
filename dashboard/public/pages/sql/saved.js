import { h } from '../../ui/dom.js';

/** The queries that were saved, for everybody. @param {{ open: (query: string) => void, remove?: (name: string) => void }} acts */
export function savedList(queries, { open, remove }) {
  const item = ({ name, query, who }) =>
    h(
      'li',
      {},
      h('button', { type: 'button', class: 'link', title: `Saved by ${who}`, onclick: () => open(query) }, name),
      remove !== undefined &&
        h(
          'button',
          { type: 'button', class: 'link', 'aria-label': `Remove ${name}`, onclick: () => remove(name) },
          '×',
        ),
    );
  return h(
    'section',
    {},
    h('h2', {}, 'Saved queries'),
    queries.length === 0
      ? h('p', { class: 'quiet' }, 'None yet. An operator can save a query under a name, for everybody.')
      : h('ul', { class: 'sql-columns' }, ...queries.map(item)),
  );
}
