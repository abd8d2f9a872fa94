import { get, post } from '../ui/api.js';
import { h, replace } from '../ui/dom.js';
import { emptyState } from '../ui/empty.js';
import { plural, sentence } from '../ui/format.js';
import { session } from '../ui/session.js';
import { copyText } from './dataset/row.js';

/** Milliseconds after the last key before the copy is checked. */
const PAUSE = 700;

/** The pipeline file as it runs, and a copy of it to edit: it is checked as it is typed, and nothing is written. */
export function createView(_place, { announce, signIn }) {
  let running = '';
  let checking;
  let timer;
  const editor = h('textarea', {
    class: 'control given',
    rows: '24',
    spellcheck: 'false',
    autocomplete: 'off',
    'aria-label': 'Pipeline file',
    oninput: () => later(),
  });
  const state = h('p', { class: 'quiet', role: 'status' });
  const faults = h('ul', { class: 'faults' });
  const copy = h(
    'button',
    { type: 'button', class: 'control primary', onclick: () => copyText(copy, editor.value) },
    'Copy',
  );
  const back = h('button', { type: 'button', class: 'control', onclick: () => edit(running) }, 'Back to what runs');
  const about = h('p', { class: 'quiet' });
  const changed = h(
    'p',
    { class: 'notice', hidden: true },
    'The file on disk is another by now than the one that runs: it counts after a restart.',
  );
  const content = h('div', { class: 'configuration' });
  const root = h(
    'section',
    { class: 'page', 'aria-labelledby': 'title' },
    h('div', { class: 'heading' }, h('h1', { id: 'title' }, 'Configuration')),
    content,
  );

  async function load() {
    if (!session.may('operator'))
      return replace(
        content,
        forOperators(() => signIn().then(load)),
      );
    try {
      const found = await get('/configuration');
      running = found.text;
      about.textContent = `${found.file} as it runs. Secrets that stand in it are masked; what comes from the environment is not in it. Edit the copy here, see what check says, and copy it: nothing is written by the dashboard.`;
      changed.hidden = !found.changed;
      replace(content, about, changed, editor, h('p', { class: 'buttons' }, copy, back), state, faults, trial());
      edit(editor.value === '' ? running : editor.value);
    } catch (failure) {
      replace(content, emptyState('The configuration cannot be shown', sentence(failure.message)));
    }
  }

  function edit(text) {
    editor.value = text;
    check();
  }

  /** An endpoint of what runs, polled once by the producer. */
  function trial() {
    const choice = h('select', { class: 'control', 'aria-label': 'Endpoint' });
    const shown = h('pre', { tabindex: '0', 'aria-label': 'What came', hidden: true });
    const words = h('p', { class: 'quiet', role: 'status' });
    const go = h('button', { type: 'button', class: 'control', onclick: () => run() }, 'Try');
    get('/pipeline').then(
      ({ endpoints }) => replace(choice, ...endpoints.map(({ id }) => h('option', { value: id }, id))),
      () => {},
    );
    async function run() {
      go.disabled = true;
      shown.hidden = true;
      words.textContent = 'Asking the API. This can take a minute.';
      try {
        const { text, error } = await post(`/configuration/endpoints/${encodeURIComponent(choice.value)}/try`, {
          limit: 5,
        });
        shown.textContent = text;
        shown.hidden = text === '';
        words.textContent = error === null ? 'Nothing was published, and no cursor was moved.' : sentence(error);
      } catch (failure) {
        words.textContent = sentence(failure.message);
      }
      go.disabled = false;
    }
    return h(
      'section',
      {},
      h('h2', {}, 'Try an endpoint'),
      h(
        'p',
        { class: 'quiet' },
        'As it runs, not as it is edited above: the producer polls it once and shows the first 5 records.',
      ),
      h('p', { class: 'buttons' }, choice, go),
      words,
      shown,
    );
  }

  function later() {
    clearTimeout(timer);
    timer = setTimeout(check, PAUSE);
  }

  async function check() {
    checking?.abort();
    const mine = new AbortController();
    checking = mine;
    const text = editor.value;
    back.disabled = text === running;
    state.textContent = 'Checking…';
    try {
      const found = await post('/configuration/check', { text }, mine.signal);
      state.textContent = sentence(found.words);
      state.classList.toggle('failing', !found.valid);
      replace(
        faults,
        ...found.faults.map(({ path, message }) =>
          h('li', { class: 'failing' }, path !== '' && h('code', {}, path), ` ${message}`),
        ),
        ...found.notes.map((note) => h('li', {}, sentence(note))),
      );
      announce(found.valid ? 'The file is valid' : plural(found.faults.length, 'fault'));
    } catch (failure) {
      if (mine.signal.aborted) return;
      state.textContent = sentence(failure.message);
      state.classList.add('failing');
      replace(faults);
    }
  }

  return {
    root,
    show: () => load(),
    focusSearch: () => editor.focus(),
    leave() {
      clearTimeout(timer);
      checking?.abort();
    },
    get holdsInput() {
      return running !== '' && editor.value !== running;
    },
  };
}

const forOperators = (signIn) =>
  emptyState(
    'For operators',
    'Only a person with the token of an operator or an admin sees the pipeline file.',
    session.canSignIn && h('button', { type: 'button', class: 'control primary', onclick: signIn }, 'Sign in'),
  );
