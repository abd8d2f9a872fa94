import { post } from '../../ui/api.js';
import { h, replace } from '../../ui/dom.js';
import { plural, sentence } from '../../ui/format.js';
import { faultList, whatPasses } from './faults.js';

/**
 * Lets a person set fields of many dead letters by expressions. What would become of them is shown before anything is sent.
 *
 * @param {{ match: object, group: object, entity: object }} what the letters, the cause that they have, and what their entity declares
 * @returns {Promise<object | undefined>} what was done; undefined if the person cancelled
 */
export function askToMend({ match, group, entity }) {
  const fields = Object.keys(entity.fields);
  const first = (group.field ?? '').split('.')[0];
  let tried; // the expressions of the newest try, as JSON
  let outcome;

  const rows = h('div', { class: 'assignments' });
  const answer = h('div', { class: 'mend-answer', role: 'status' });
  const tryIt = h('button', { type: 'submit', class: 'control primary' }, 'Try');
  const send = h('button', { type: 'button', class: 'control primary', hidden: true, onclick: () => mend() }, 'Mend');
  const dialog = h(
    'dialog',
    { class: 'small-dialog mend-dialog', 'aria-labelledby': 'mend-title' },
    h(
      'form',
      { onsubmit: preview },
      h('h2', { id: 'mend-title' }, `Mend ${plural(group.letters, 'dead letter')}`),
      h(
        'p',
        { class: 'quiet' },
        'Each field becomes what its expression gives. Expressions (CEL) read the fields by name, and the record as it lies there as raw: ',
        h('code', {}, examples(first || fields[0])),
        '; null takes the field out.',
      ),
      rows,
      h('p', {}, h('button', { type: 'button', class: 'link', onclick: () => add('') }, 'Set another field')),
      answer,
      h(
        'p',
        { class: 'buttons' },
        h('button', { type: 'button', class: 'control', onclick: () => dialog.close() }, 'Cancel'),
        tryIt,
        send,
      ),
    ),
  );

  function add(name) {
    const field = h(
      'select',
      { class: 'control', 'aria-label': 'Field', onchange: changed },
      ...fields.map((one) => h('option', { value: one }, one)),
    );
    const expression = h('input', {
      class: 'control',
      type: 'text',
      'aria-label': 'Expression',
      placeholder: `Expression, such as ${examples(name || fields[0])}`,
      maxlength: 2_000,
      spellcheck: 'false',
      autocomplete: 'off',
      autocapitalize: 'off',
      oninput: changed,
    });
    if (fields.includes(name)) field.value = name;
    rows.append(h('p', { class: 'assignment' }, field, h('span', {}, '='), expression));
    if (dialog.open) expression.focus();
  }

  const expressions = () =>
    Object.fromEntries(
      [...rows.children].flatMap((row) => {
        const text = row.querySelector('input').value.trim();
        return text === '' ? [] : [[row.querySelector('select').value, text]];
      }),
    );

  /** What was tried is not what stands there now. */
  function changed() {
    const isTried = tried !== undefined && JSON.stringify(expressions()) === tried;
    send.hidden = !isTried;
    tryIt.hidden = isTried;
  }

  function tell(failure) {
    replace(answer, h('p', { class: 'notice bad' }, sentence(failure.message)));
  }

  async function preview(event) {
    event.preventDefault();
    const set = expressions();
    tryIt.disabled = true;
    try {
      const found = await post('/dead-letters/mend/preview', { match, set });
      const { passing, unknown, faults } = found.prospect;
      replace(answer, h('p', {}, whatPasses(found)), exampleTable(found.examples), faultList(faults));
      tried = passing + unknown > 0 ? JSON.stringify(set) : undefined;
      replace(send, `Mend and replay ${plural(passing + unknown, 'dead letter')}`);
    } catch (failure) {
      tried = undefined;
      tell(failure);
    }
    tryIt.disabled = false;
    changed();
  }

  async function mend() {
    send.disabled = true;
    try {
      outcome = await post('/dead-letters/mend', { match, set: JSON.parse(tried) });
      dialog.close();
    } catch (failure) {
      tell(failure);
      send.disabled = false;
    }
  }

  add(first);
  document.body.append(dialog);
  dialog.showModal();
  rows.querySelector('input').focus();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(outcome);
    });
  });
}

/** Expressions for a field, as a hint. */
const examples = (field) => `int(${field})`;

const exampleTable = (found) =>
  found.length > 0 &&
  h(
    'div',
    { class: 'mend-examples', tabindex: '0', role: 'region', 'aria-label': 'Examples' },
    h(
      'table',
      {},
      h('thead', {}, h('tr', {}, ...['Key', 'Before', 'After'].map((title) => h('th', { scope: 'col' }, title)))),
      h(
        'tbody',
        {},
        ...found.map(({ key, before, after }) =>
          h('tr', {}, h('th', { scope: 'row' }, key ?? 'no key'), h('td', {}, before), h('td', {}, after)),
        ),
      ),
    ),
  );
