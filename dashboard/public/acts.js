import { get, post } from './api.js';
import { h, setText } from './dom.js';
import { sentence } from './format.js';
import { session } from './session.js';

/** What can be done with an endpoint, for those who may. @param {(text: string) => void} announce */
export function createActs(announce) {
  let id;
  const told = h('span', { class: 'faint', role: 'status' });
  const button = (label, command) =>
    h('button', { type: 'button', class: 'small-button', onclick: () => send(command()) }, label);
  const run = button('Run now', () => 'run');
  const rest = button('Pause', () => (rest.textContent === 'Pause' ? 'pause' : 'resume'));
  async function send(command) {
    try {
      await post(`/endpoints/${encodeURIComponent(id)}/${command}`, {});
      setText(told, '');
      announce(`${id}: ${command}`);
    } catch (failure) {
      setText(told, sentence(failure.message));
    }
  }
  return {
    root: h('p', { class: 'acts' }, run, rest, told),
    update(endpoint, paused) {
      id = endpoint;
      setText(rest, paused ? 'Resume' : 'Pause');
    },
  };
}

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
