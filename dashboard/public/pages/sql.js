import { get, post, remove } from '../ui/api.js';
import { h, replace } from '../ui/dom.js';
import { emptyState } from '../ui/empty.js';
import { plural, sentence } from '../ui/format.js';
import { session } from '../ui/session.js';
import { createChartPanel } from './sql/chart-panel.js';
import { createEditor } from './sql/editor.js';
import { downloads, tableOf, wordsOf } from './sql/result.js';
import { hasRun, rememberRun } from './sql/run-here.js';
import { savedList } from './sql/saved.js';
import { schemaOf } from './sql/schema.js';
import { quotedName } from './sql/suggestions.js';

/** Queries over all datasets. The query and its chart stand in the address. */
export function createView(_place, { navigate, announce, signIn }) {
  let place;
  let about;
  let asking;
  /** The query whose rows are shown, and those rows. */
  let shown;
  const editor = createEditor({ onRun: run, onChange: () => {} });
  const go = h('button', { type: 'button', class: 'control primary', onclick: run }, 'Run');
  const stop = h('button', { type: 'button', class: 'control', hidden: true, onclick: () => asking?.abort() }, 'Stop');
  const save = h('button', { type: 'button', class: 'control', onclick: saveIt }, 'Save');
  const name = h('input', {
    class: 'control',
    type: 'text',
    maxlength: '80',
    'aria-label': 'Name to save under',
    placeholder: 'Name to save under',
  });
  const keeping = h('span', { class: 'push keeping', hidden: true }, name, save);
  const side = h('aside', { class: 'sql-side', 'aria-label': 'Tables and saved queries' });
  const status = h('p', { class: 'quiet', role: 'status' });
  const files = h('span', { class: 'sql-files' });
  const chart = createChartPanel({ onChoose: (choice) => navigate({ ...place, ...choice }, true) });
  const answer = h('div', { class: 'rows sql-rows', tabindex: '0', role: 'region', 'aria-label': 'Result' });
  /** What can be made of the rows; not there without rows. */
  const found = h('div', { class: 'tools', hidden: true }, chart.choices, files);
  const main = h(
    'div',
    { class: 'sql-main' },
    editor.root,
    h('div', { class: 'tools' }, go, stop, status, keeping),
    found,
    chart.root,
    answer,
  );
  const content = h('div', { class: 'sql' });
  const dialect = h('span', { class: 'kind' });
  const root = h(
    'section',
    { class: 'page', 'aria-labelledby': 'title' },
    h('div', { class: 'heading' }, h('h1', { id: 'title' }, 'SQL ', dialect)),
    content,
  );

  async function begin() {
    try {
      about = await get('/sql');
    } catch (failure) {
      replace(content, emptyState('SQL cannot be asked now', sentence(failure.message)));
      return;
    }
    dialect.textContent = about.dialect;
    if (!about.allowed) {
      replace(
        content,
        notAllowed(about.role, () => signIn().then(begin)),
      );
      return;
    }
    keeping.hidden = !session.may('operator');
    editor.know(about.tables);
    showSide();
    replace(content, main, side);
    if (place.query === '') nothing();
    else if (shown?.query !== place.query) askOrWait();
  }

  /** What a person has chosen here. */
  function open(query) {
    rememberRun(query);
    if (query === place.query && shown === undefined) ask();
    else navigate({ ...place, query, chart: '', x: '', y: [], by: undefined });
  }

  function showSide() {
    replace(
      side,
      savedList(about.queries, { open, remove: session.may('operator') ? removeIt : undefined }),
      schemaOf(about.tables, { open, insert: editor.insert }),
    );
  }

  function nothing() {
    const [first] = about.tables;
    replace(
      answer,
      emptyState(
        'Ask all datasets',
        `Write one SELECT. Tables are named as the datasets; at most ${about.rows.toLocaleString('en')} rows are shown, within ${about.seconds} s. Files have all rows.`,
        first !== undefined &&
          h(
            'button',
            {
              type: 'button',
              class: 'link',
              onclick: () => open(`SELECT * FROM ${quotedName(first.name)} LIMIT 100`),
            },
            `Show ${first.name}`,
          ),
      ),
    );
    clear();
  }

  /** The answer to another query, or from before a failure, is none to this one. */
  function clear() {
    shown = undefined;
    status.textContent = '';
    found.hidden = true;
    chart.hide();
  }

  function run() {
    const query = editor.value;
    if (query.trim() === '') return;
    rememberRun(query);
    if (query === place.query) ask();
    else navigate({ ...place, query });
  }

  function askOrWait() {
    if (hasRun(place.query)) return ask();
    asking?.abort();
    asking = undefined;
    settle();
    clear();
    replace(
      answer,
      emptyState(
        'This query waits',
        'It came with the address of this page, and has not run in this tab. Read it above, and run it if you mean to.',
        h('button', { type: 'button', class: 'control primary', onclick: run }, 'Run it'),
      ),
    );
    announce('The query of the address is shown, and waits to be run.');
  }

  function settle() {
    go.disabled = false;
    stop.hidden = true;
  }

  async function ask() {
    asking?.abort();
    const mine = new AbortController();
    asking = mine;
    const { query } = place;
    go.disabled = true;
    stop.hidden = false;
    editor.mark();
    if (shown?.query !== query) {
      clear();
      replace(answer, emptyState('Running', 'The rows come here.'));
    }
    status.textContent = 'Running';
    try {
      const result = await post('/sql', { query }, mine.signal);
      if (asking !== mine) return;
      shown = { query, ...result };
      const words = wordsOf(result, about);
      status.textContent = words;
      replace(files, h('span', { class: 'quiet' }, 'Files'), ...downloads(query));
      found.hidden = false;
      answer.replaceChildren(tableOf(result));
      chart.show(result, place);
      announce(words);
    } catch (failure) {
      if (asking !== mine) return;
      clear();
      const words = mine.signal.aborted ? 'It was stopped.' : sentence(failure.message);
      answer.replaceChildren(emptyState('No result', words));
      editor.mark(failure.message);
      announce(words);
    } finally {
      if (asking === mine) settle();
    }
  }

  async function saveIt() {
    if (name.value.trim() === '' || editor.value.trim() === '') {
      name.focus();
      return;
    }
    await change(() => post('/sql/queries', { name: name.value, query: editor.value }), `Saved as ${name.value}`);
  }

  const removeIt = (one) => change(() => remove(`/sql/queries/${encodeURIComponent(one)}`), `Removed ${one}`);

  async function change(act, words) {
    try {
      await act();
      about = await get('/sql');
      showSide();
      status.textContent = words;
    } catch (failure) {
      status.textContent = sentence(failure.message);
    }
  }

  return {
    root,
    focusSearch: () => editor.focus(),
    show(at) {
      const before = place;
      place = at;
      editor.show(at.query);
      if (about === undefined) begin();
      else if (!about.allowed) return;
      else if (at.query === '') nothing();
      else if (before?.query !== at.query) askOrWait();
      else if (shown !== undefined) chart.show(shown, place);
    },
    leave() {
      asking?.abort();
      chart.leave();
    },
    get holdsInput() {
      return editor.value !== (place?.query ?? '');
    },
  };
}

const notAllowed = (role, signIn) =>
  role === 'off'
    ? emptyState('SQL is turned off', 'The setting DASHBOARD_SQL says so.')
    : emptyState(
        `For ${plural(2, role).replace(/^2 /, '')}`,
        `To ask in SQL needs the token of an ${role} here.`,
        session.canSignIn && h('button', { type: 'button', class: 'control primary', onclick: signIn }, 'Sign in'),
      );
