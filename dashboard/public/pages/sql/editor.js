import { h, replace } from '../../ui/dom.js';
import { suggestions } from './suggestions.js';

/** Shown at once. */
const MOST = 8;

/** The field for a query: Ctrl and Enter run it, Tab takes the first name that is offered, or indents; Escape lets Tab go on. */
export function createEditor({ onRun }) {
  let tables = [];
  let isLeaving = false;
  const hint = 'Ctrl+Enter runs the query. Tab takes the first name or indents; Escape, then Tab, moves on.';
  const input = h('textarea', {
    class: 'control sql-input',
    rows: '6',
    maxlength: '8000',
    spellcheck: 'false',
    autocomplete: 'off',
    autocapitalize: 'off',
    'aria-label': 'Query',
    'aria-describedby': 'sql-hint',
    placeholder: 'SELECT …',
    oninput: offer,
    onclick: offer,
    onkeydown: press,
    onblur: () => {
      isLeaving = false;
    },
  });
  const offered = h('div', { class: 'sql-offered', role: 'group', 'aria-label': 'Names that fit' });
  const below = h('div', { class: 'sql-below' }, offered, h('p', { id: 'sql-hint', class: 'faint sql-hint' }, hint));
  const root = h('div', {}, input, below);

  const current = () => suggestions(input.value, input.selectionStart, tables).slice(0, MOST);

  function offer() {
    const found = current();
    replace(
      offered,
      ...found.map((one) =>
        h('button', { type: 'button', class: 'chip', title: one.about, onclick: () => take(one) }, one.name),
      ),
    );
  }

  function take({ text, from }) {
    input.focus();
    input.setRangeText(text, from, input.selectionStart, 'end');
    replace(offered);
  }

  function press(event) {
    const { key, ctrlKey, metaKey, shiftKey } = event;
    if (key === 'Enter' && (ctrlKey || metaKey)) {
      event.preventDefault();
      replace(offered);
      onRun();
    } else if (key === 'Escape') {
      isLeaving = true;
      replace(offered);
    } else if (key === 'Tab' && !shiftKey && !isLeaving) {
      event.preventDefault();
      const [first] = offered.childElementCount > 0 ? current() : [];
      if (first !== undefined) take(first);
      else insert('  ');
    } else if (key !== 'Tab') isLeaving = false;
  }

  function insert(text) {
    input.setRangeText(text, input.selectionStart, input.selectionEnd, 'end');
    input.focus();
  }

  return {
    root,
    insert,
    focus: () => input.focus(),
    get value() {
      return input.value;
    },
    show(text) {
      if (text !== '' && input.value !== text) input.value = text;
    },
    know(all) {
      tables = all;
    },
    /** Puts the caret where a fault is, as its words name the place; without words nothing is marked. */
    mark(words = '') {
      const [, line, character] = /^line (\d+), character (\d+)/.exec(words) ?? [];
      if (line === undefined) {
        input.removeAttribute('aria-invalid');
        return;
      }
      input.setAttribute('aria-invalid', 'true');
      const before = input.value.split('\n').slice(0, Number(line) - 1);
      const at = before.reduce((sum, one) => sum + one.length + 1, 0) + Number(character) - 1;
      const [word = ' '] = /^[\w$]+|^./s.exec(input.value.slice(at)) ?? [];
      input.focus();
      input.setSelectionRange(at, at + word.length);
    },
  };
}
