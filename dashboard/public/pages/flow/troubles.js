import { h, replace, setText } from '../../ui/dom.js';
import { addressOf } from '../../ui/location.js';

/** More problems than this have a line each, and those beyond the second are counted. */
const LONG = 3;
const MOST = 9;

/** What is wrong: in full while it is little, and otherwise one line for each problem, the gravest first. */
export function createTroubles() {
  const list = h('ul', { class: 'troubles' });
  const rest = h('p', { class: 'quiet troubles-more', hidden: true });
  return {
    root: h('div', {}, list, rest),
    update(problems) {
      const shown = problems.slice(0, MOST);
      list.classList.toggle('short', problems.length > LONG);
      if (list.childElementCount !== shown.length) list.replaceChildren(...shown.map(() => h('li')));
      for (const [index, problem] of shown.entries()) {
        setText(list.children[index], problem);
        list.children[index].title = problem;
      }
      const more = problems.length - shown.length;
      if (rest.hidden !== (more === 0) || rest.dataset.more !== String(more)) {
        rest.hidden = more === 0;
        rest.dataset.more = String(more);
        replace(
          rest,
          `and ${more} more. `,
          h('a', { href: addressOf({ at: 'endpoints', state: 'failing' }) }, 'Endpoints that fail'),
        );
      }
    },
  };
}
