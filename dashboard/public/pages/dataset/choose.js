import { h, replace } from '../../ui/dom.js';

/**
 * Lets a person choose which columns are shown, in which order, and which stay in view.
 *
 * @param {{ name: string, isShown: boolean, isPinned: boolean }[]} columns in their order
 * @param {(choice: { chosen: string[], pinned: string[] }) => void} onDone with nothing chosen for the usual columns
 */
export function chooseColumns(columns, onDone) {
  let all = columns.map((one) => ({ ...one }));
  const list = h('ol', { class: 'column-choice' });
  const form = h(
    'form',
    { method: 'dialog', onsubmit: done },
    h('h2', { id: 'choose-title' }, 'Columns'),
    h('p', { class: 'quiet' }, 'The address of the page holds the choice: send it, or keep it.'),
    list,
    h(
      'p',
      { class: 'buttons' },
      h('button', { type: 'button', class: 'control', onclick: usual }, 'As usual'),
      h('button', { type: 'submit', class: 'control primary' }, 'Show'),
    ),
  );
  const dialog = h('dialog', { class: 'small-dialog', 'aria-labelledby': 'choose-title' }, form);

  function move(index, step) {
    const to = index + step;
    if (to < 0 || to >= all.length) return;
    all = all.with(index, all[to]).with(to, all[index]);
    show();
    list.children[to].querySelector(step < 0 ? '.up' : '.down').focus();
  }

  function item(column, index) {
    const { name } = column;
    const button = (className, label, text, act, rest = {}) =>
      h(
        'button',
        { type: 'button', class: `control ${className}`, 'aria-label': `${label} ${name}`, onclick: act, ...rest },
        text,
      );
    const box = h('input', {
      type: 'checkbox',
      checked: column.isShown,
      onchange: () => {
        column.isShown = box.checked;
      },
    });
    const pin = button(
      'pin',
      'Pin:',
      'Pin',
      () => {
        column.isPinned = !column.isPinned;
        pin.setAttribute('aria-pressed', String(column.isPinned));
      },
      { 'aria-pressed': String(column.isPinned) },
    );
    return h(
      'li',
      {},
      h('label', {}, box, h('span', {}, name)),
      pin,
      button('up', 'Move up:', '↑', () => move(index, -1)),
      button('down', 'Move down:', '↓', () => move(index, 1)),
    );
  }

  const show = () => replace(list, ...all.map(item));

  function usual() {
    onDone({ chosen: [], pinned: [] });
    dialog.close();
  }

  function done(event) {
    event.preventDefault();
    const shown = all.filter(({ isShown }) => isShown);
    const pinned = shown.filter(({ isPinned }) => isPinned);
    onDone({ chosen: shown.map(({ name }) => name), pinned: pinned.map(({ name }) => name) });
    dialog.close();
  }

  show();
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
