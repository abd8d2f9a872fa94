import { h } from '../../ui/dom.js';
import { quotedName } from './suggestions.js';

/** The tables, each with its columns. */
export const schemaOf = (tables, { open, insert }) =>
  h(
    'section',
    {},
    h('h2', {}, 'Tables'),
    ...tables.map((table, index) => tableOf(table, { open, insert, isOpen: index === 0 })),
  );

function tableOf({ name, view, columns }, { open, insert, isOpen }) {
  const show = () => open(`SELECT * FROM ${quotedName(name)} LIMIT 100`);
  return h(
    'details',
    { open: isOpen },
    h('summary', {}, name, view === 'history' && h('span', { class: 'faint' }, ' every row')),
    h(
      'ul',
      { class: 'sql-columns' },
      ...columns.map((column) =>
        h(
          'li',
          {},
          h(
            'button',
            {
              type: 'button',
              class: 'link',
              title: 'Put into the query',
              onclick: () => insert(quotedName(column.name)),
            },
            column.name,
          ),
          h('span', { class: 'faint' }, column.type),
        ),
      ),
    ),
    h('p', {}, h('button', { type: 'button', class: 'link', onclick: show }, 'First 100 rows')),
  );
}
