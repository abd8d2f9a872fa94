import { post } from '../../ui/api.js';
import { h, replace } from '../../ui/dom.js';
import { plural, sentence } from '../../ui/format.js';
import { copyText } from '../dataset/row.js';
import { faultList, whatPasses, whatWouldPass } from './faults.js';

/**
 * Lets a person write another definition of an entity, and shows how many dead letters would pass under it. The consumer judges by the pipeline
 * file, so they are replayed once it has the definition.
 *
 * @param {{ match: object, group: object }} what the letters, and the cause that they have
 * @returns {Promise<object | undefined>} what was replayed; undefined if nothing was
 */
export function askToDefine({ match, group }) {
  let asking;
  let outcome;

  const text = h('textarea', {
    class: 'control given',
    rows: '14',
    maxlength: 100_000,
    spellcheck: 'false',
    autocomplete: 'off',
    autocapitalize: 'off',
    'aria-label': `Definition of ${group.entity}`,
    oninput: changed,
  });
  const answer = h('div', { class: 'mend-answer', role: 'status' });
  const judge = h('button', { type: 'submit', class: 'control primary' }, 'Judge');
  const replay = h('button', { type: 'button', class: 'control primary', hidden: true, onclick: send }, 'Replay');
  const dialog = h(
    'dialog',
    { class: 'small-dialog mend-dialog', 'aria-labelledby': 'define-title' },
    h(
      'form',
      { onsubmit: submit },
      h('h2', { id: 'define-title' }, `Another definition of ${group.entity}`),
      h(
        'p',
        { class: 'quiet' },
        `Change the definition, and see how many of ${plural(group.letters, 'dead letter')} would pass under it. Nothing is written: it counts once it stands in the pipeline file. Dead letters hold the fields as they were shaped when they were polled; what is computed, or lies elsewhere, comes with the next poll.`,
      ),
      text,
      answer,
      h(
        'p',
        { class: 'buttons' },
        h('button', { type: 'button', class: 'control', onclick: () => dialog.close() }, 'Close'),
        judge,
        replay,
      ),
    ),
  );

  /** What was judged is not what stands there now. */
  function changed() {
    replace(answer);
    replay.hidden = true;
    judge.hidden = false;
  }

  function submit(event) {
    event.preventDefault();
    ask(text.value);
  }

  async function ask(definition) {
    asking?.abort();
    const mine = new AbortController();
    asking = mine;
    judge.disabled = true;
    try {
      const found = await post('/dead-letters/definition', { match, definition }, mine.signal);
      if (definition === undefined) text.value = found.definition;
      if (definition === undefined || text.value === definition) show(found);
    } catch (failure) {
      if (mine.signal.aborted) return;
      replace(answer, h('p', { class: 'notice bad' }, sentence(failure.message)));
    }
    judge.disabled = false;
  }

  function show({ file, definition, state, faults, found }) {
    if (state === 'faulty') {
      const words = `The pipeline file would be refused with it: ${plural(faults.length, 'fault')}.`;
      const list = faults.map(({ path, message }) => h('li', {}, h('code', {}, path), ` ${message}`));
      return replace(answer, h('p', { class: 'notice bad' }, words), h('ul', { class: 'faults' }, ...list));
    }
    const { passing, unknown, faults: reasons } = found.prospect;
    const canPass = passing + unknown > 0;
    replace(
      answer,
      h('p', {}, wordsOf(found, state)),
      faultList(reasons),
      canPass && state !== 'runs' && h('p', { class: 'notice' }, NEXT[state](file)),
      canPass && state === 'new' && toCopy(definition),
    );
    replay.hidden = state !== 'runs' || !canPass;
    judge.hidden = !replay.hidden;
    replace(replay, `Replay ${plural(passing + unknown, 'dead letter')}`);
  }

  async function send() {
    replay.disabled = true;
    try {
      outcome = await post('/dead-letters/replay', { match });
      dialog.close();
    } catch (failure) {
      replace(answer, h('p', { class: 'notice bad' }, sentence(failure.message)));
      replay.disabled = false;
    }
  }

  document.body.append(dialog);
  dialog.showModal();
  text.focus();
  ask(undefined);
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      asking?.abort();
      dialog.remove();
      resolve(outcome);
    });
  });
}

/** What has to be done before they can be replayed. */
const NEXT = {
  new: (file) =>
    `Put this into ${file} in the place of what stands there for it, check the file, and restart producers, consumers and dashboard. Then this page counts them as passing, and replays them.`,
  in_file: (file) =>
    `${file} has this definition already, and this dashboard still runs with the one before. Restart it, with producers and consumers that run with the old file; then this page replays them.`,
};

const wordsOf = (found, state) =>
  state === 'runs' ? `This is the definition that runs. ${whatPasses(found)}` : whatWouldPass(found);

function toCopy(definition) {
  const copy = h('button', { type: 'button', class: 'control', onclick: () => copyText(copy, definition) }, 'Copy');
  copy.hidden = navigator.clipboard === undefined;
  const yaml = h(
    'pre',
    { class: 'to-copy', tabindex: '0', role: 'region', 'aria-label': 'For the pipeline file' },
    definition,
  );
  return h('div', {}, yaml, copy);
}
