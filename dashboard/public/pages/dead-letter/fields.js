import { h } from '../../ui/dom.js';

/** The fields that the entity declares; the wrong one is marked. */
export function fieldList(entity, field) {
  const items = Object.entries(entity?.fields ?? {}).map(([name, { type, optional, items: inner }]) => {
    const columns = inner === undefined ? '' : ` of ${Object.keys(inner).join(', ')}`;
    const key = [entity.key].flat().includes(name) && ' · key';
    return h(
      'li',
      { 'data-field': name },
      h('code', {}, name),
      h('span', { class: 'faint' }, `${type}${columns}${optional ? ', optional' : ''}`, key),
    );
  });
  const root = h('ul', { class: 'fields' }, ...items);
  const mark = (at) => {
    for (const item of items)
      item.classList.toggle(
        'wrong',
        at !== null && at !== undefined && (at === item.dataset.field || at.startsWith(`${item.dataset.field}.`)),
      );
  };
  mark(field);
  return { root, mark };
}
