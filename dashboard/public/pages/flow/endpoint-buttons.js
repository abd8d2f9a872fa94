import { post } from '../../ui/api.js';
import { h, setText } from '../../ui/dom.js';
import { sentence } from '../../ui/format.js';

/** The buttons of one endpoint, for operators. @param {(text: string) => void} announce */
export function createEndpointButtons(announce) {
  let id;
  const answer = h('span', { class: 'faint', role: 'status' });
  const button = (label, command) =>
    h('button', { type: 'button', class: 'small-button', onclick: () => send(command()) }, label);
  const run = button('Run now', () => 'run');
  const pause = button('Pause', () => (pause.textContent === 'Pause' ? 'pause' : 'resume'));
  async function send(command) {
    try {
      await post(`/endpoints/${encodeURIComponent(id)}/${command}`, {});
      setText(answer, '');
      announce(`${id}: ${command}`);
    } catch (failure) {
      setText(answer, sentence(failure.message));
    }
  }
  return {
    root: h('p', { class: 'acts' }, run, pause, answer),
    update(endpoint, paused) {
      id = endpoint;
      setText(pause, paused ? 'Resume' : 'Pause');
    },
  };
}
