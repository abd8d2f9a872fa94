import { get, post } from '../../ui/api.js';
import { h, setText } from '../../ui/dom.js';
import { sentence } from '../../ui/format.js';
import { session } from '../../ui/session.js';

/** What the mock CRM can be made to suffer; nothing where there is none, or for those who may not. */
export function createScenarios(announce) {
  const told = h('span', { class: 'quiet', role: 'status' });
  const root = h('section', { class: 'scenarios', hidden: true, 'aria-label': 'Scenarios of the mock CRM' });
  if (!session.may('admin')) return root;
  const button = ({ name, words }) =>
    h('button', { type: 'button', class: 'control', onclick: () => start(name, words) }, words);
  async function start(name, words) {
    try {
      await post(`/scenarios/${name}`, {});
      setText(told, `${words}: begun.`);
      announce(`${words}: begun`);
    } catch (failure) {
      setText(told, sentence(failure.message));
    }
  }
  get('/scenarios').then(
    ({ scenarios }) => {
      root.hidden = scenarios.length === 0;
      root.replaceChildren(
        h('h2', {}, 'Make something happen'),
        h('p', { class: 'buttons' }, ...scenarios.map(button)),
        told,
      );
    },
    () => {},
  );
  return root;
}
