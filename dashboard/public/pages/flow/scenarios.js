import { get, post } from '../../ui/api.js';
import { h, setText } from '../../ui/dom.js';
import { sentence } from '../../ui/format.js';
import { session } from '../../ui/session.js';

/** A button for each scenario of the mock CRM. Hidden if there is no mock CRM, and for people who are not admins. */
export function createScenarios(announce) {
  const answer = h('span', { class: 'quiet', role: 'status' });
  const root = h('section', { class: 'scenarios', hidden: true, 'aria-label': 'Scenarios of the mock CRM' });
  if (!session.may('admin')) return root;
  const button = ({ name, words }) =>
    h('button', { type: 'button', class: 'control', onclick: () => start(name, words) }, words);
  async function start(name, words) {
    try {
      await post(`/scenarios/${name}`, {});
      setText(answer, `${words}: started.`);
      announce(`${words}: started`);
    } catch (failure) {
      setText(answer, sentence(failure.message));
    }
  }
  get('/scenarios').then(
    ({ scenarios }) => {
      root.hidden = scenarios.length === 0;
      root.replaceChildren(
        h('h2', {}, 'Scenarios of the mock CRM'),
        h('p', { class: 'buttons' }, ...scenarios.map(button)),
        answer,
      );
    },
    () => {},
  );
  return root;
}
