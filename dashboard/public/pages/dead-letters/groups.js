import { h, replace } from '../../ui/dom.js';
import { count, plural } from '../../ui/format.js';
import { addressOf } from '../../ui/location.js';

/** The criterion of letters whose reason names no field; as the server has it (dashboard/src/dead-letters/letter.ts). */
const NO_FIELD = '(none)';

/** What selects the letters of one cause. */
export const criteriaOf = ({ queue, endpoint, code, field }) => ({ queue, endpoint, code, field: field ?? NO_FIELD });

/**
 * The causes of the letters that match, the most frequent first, each with one example.
 *
 * @param {(group: object) => void} onMend called when a person wants to mend all letters of a cause
 * @param {(group: object) => void} onDefine called when a person wants to see what would pass under another definition of their entity
 */
export function createGroups(onMend, onDefine) {
  const list = h('div', { class: 'groups' });
  const title = h('h2', { id: 'causes' });
  const root = h('section', { class: 'causes', 'aria-labelledby': 'causes', hidden: true }, title, list);

  function row(group, place) {
    const { letters, passing, code, field, endpoint, entity, example } = group;
    const only = criteriaOf(group);
    const isAlone = Object.entries(only).every(([name, value]) => place[name] === value);
    const href = addressOf({
      ...place,
      ...(isAlone ? { queue: '', endpoint: '', code: '', field: '' } : only),
      page: 1,
    });
    return h(
      'article',
      { class: 'group' },
      h('p', { class: 'group-count' }, count(letters)),
      h(
        'div',
        { class: 'group-what' },
        h(
          'h3',
          {},
          h('span', { class: 'tag' }, code),
          field !== null && h('span', { class: 'tag quieter' }, field),
          h('span', { class: 'letter-from' }, `${entity} · ${endpoint}`),
          passing > 0 && h('span', { class: 'tag passes' }, `${count(passing)} pass now`),
        ),
        h('p', { class: 'letter-why' }, example.reason),
        h(
          'p',
          { class: 'letter-body' },
          h('a', { href: addressOf({ at: 'dead-letters', letter: example.id }) }, example.key ?? 'no key'),
          ` ${example.preview}`,
        ),
      ),
      h(
        'p',
        { class: 'group-acts' },
        h(
          'a',
          { class: 'control', href, 'aria-label': isAlone ? 'Show all' : `Show these ${letters}` },
          isAlone ? 'Show all' : 'Show these',
        ),
        h('button', { type: 'button', class: 'control', onclick: () => onMend(group) }, 'Mend…'),
        h('button', { type: 'button', class: 'control', onclick: () => onDefine(group) }, 'Redefine…'),
      ),
    );
  }

  return {
    root,
    update({ groups, causes }, place) {
      root.hidden = groups.length === 0;
      title.textContent = plural(causes, 'cause');
      const rest =
        causes > groups.length && h('p', { class: 'quiet' }, `The ${groups.length} most frequent are shown.`);
      replace(list, ...groups.map((group) => row(group, place)), rest);
    },
  };
}
