import { post } from '../../ui/api.js';
import { h, setText } from '../../ui/dom.js';
import { sentence } from '../../ui/format.js';

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
