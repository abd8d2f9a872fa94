import { post } from '../ui/api.js';
import { h, replace } from '../ui/dom.js';
import { emptyState } from '../ui/empty.js';
import { plural, sentence } from '../ui/format.js';
import { session } from '../ui/session.js';
import { copyText } from './dataset/row.js';

/** From the address of an API to a pipeline file. What is pasted is neither kept nor part of the page's address. */
export function createView(_place, { announce, signIn }) {
  let asking;
  const input = h('textarea', {
    class: 'control given',
    rows: '4',
    maxlength: '16000',
    spellcheck: 'false',
    autocomplete: 'off',
    'aria-label': 'URL or curl line',
    placeholder: 'curl "api.example.org/v1/orders" -H "Authorization: Bearer …"',
    required: true,
  });
  const go = h('button', { type: 'submit', class: 'control primary' }, 'Look at it');
  const stop = h('button', { type: 'button', class: 'control', hidden: true, onclick: () => asking.abort() }, 'Stop');
  const answer = h('div', { class: 'found' });
  const form = h('form', { class: 'pasted', onsubmit: submit }, input, h('p', { class: 'buttons' }, go, stop));
  const root = h(
    'section',
    { class: 'page', 'aria-labelledby': 'title' },
    h('div', { class: 'heading' }, h('h1', { id: 'title' }, 'Data sources')),
    h(
      'p',
      { class: 'quiet' },
      'Paste the address of a list of records, or a curl line of the API’s documents. The API is asked up to 12 times, and the pipeline file that polls it is written for you to copy. Tokens and passwords are sent to that server only, and not kept.',
    ),
  );
  const content = h('div', {});
  root.append(content);
  allow();

  function allow() {
    replace(content, ...(session.may('admin') ? [form, answer] : [forAdmins(() => signIn().then(allow))]));
  }

  async function submit(event) {
    event.preventDefault();
    const mine = new AbortController();
    asking = mine;
    go.disabled = true;
    stop.hidden = false;
    replace(answer, h('p', { class: 'quiet', role: 'status' }, 'Asking the API. This can take a minute.'));
    try {
      const found = await post('/discover', { input: input.value }, mine.signal);
      replace(answer, ...shown(found));
      announce(`${plural(found.endpoints.length, 'endpoint')} found`);
    } catch (failure) {
      const words = mine.signal.aborted ? 'It was stopped.' : sentence(failure.message);
      replace(answer, emptyState('No pipeline was written', words));
      announce(words);
    }
    go.disabled = false;
    stop.hidden = true;
  }

  return {
    root,
    focusSearch: () => input.focus(),
    leave: () => asking?.abort(),
    get holdsInput() {
      return input.value !== '';
    },
  };
}

const forAdmins = (signIn) =>
  emptyState(
    'For admins',
    'Only a person with the token of an admin may have requests sent to other servers.',
    session.canSignIn && h('button', { type: 'button', class: 'control primary', onclick: signIn }, 'Sign in'),
  );

/** The rows of each endpoint, what a person should know, and the file. */
function shown({ text, endpoints, notes, secrets, requests }) {
  const remarks = [...notes, ...(secrets.length > 0 ? [`set in the environment: ${secrets.join(', ')}`] : [])];
  const copy = h('button', { type: 'button', class: 'control', onclick: () => copyText(copy, text) }, 'Copy');
  const asked = requests.map((one) => h('li', {}, `${one.asked} → ${one.answered}, ${one.milliseconds} ms`));
  return [
    ...endpoints.map(tableOf),
    h('ul', { hidden: remarks.length === 0 }, ...remarks.map((note) => h('li', {}, sentence(note)))),
    h('div', { class: 'heading' }, h('h2', {}, 'pipeline.yaml'), navigator.clipboard !== undefined && copy),
    h('pre', { tabindex: '0' }, ...text.split('\n').map(lineOf)),
    h('details', {}, h('summary', {}, plural(asked.length, 'request')), h('ol', {}, ...asked)),
  ];
}

/** Comments are quieter than settings, and those that want a look stand out. */
function lineOf(line) {
  const at = line.search(/(^|\s)# /);
  if (at === -1) return `${line}\n`;
  return h(
    'b',
    {},
    line.slice(0, at),
    h('i', { class: line.includes('# unsure: ') && 'unsure' }, line.slice(at)),
    '\n',
  );
}

function tableOf({ id, columns, rows, bad, reason }) {
  const head = ({ name, type, full }) =>
    h('th', { scope: 'col' }, name, h('span', { class: 'type' }, `${type} ${full}`));
  return h(
    'section',
    {},
    h('h2', {}, id),
    bad > 0 && h('p', { class: 'notice bad' }, sentence(`${plural(bad, 'record')} would be a dead letter: ${reason}`)),
    h(
      'div',
      { class: 'rows', tabindex: '0', role: 'region', 'aria-label': `Rows of ${id}` },
      h(
        'table',
        {},
        h('thead', {}, h('tr', {}, ...columns.map(head))),
        h('tbody', {}, ...rows.map((row) => h('tr', {}, ...row.map((cell) => h('td', {}, cell))))),
      ),
    ),
  );
}
