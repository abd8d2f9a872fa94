import { h } from '../../ui/dom.js';
import { SIZES } from '../../ui/location.js';

/**
 * How many rows stand on a page, and fields that lead to a page or a row. They are made once, so that typing is never interrupted.
 *
 * @param {{ onPage: (page: number) => void, onRow: (row: number) => void, onSize: (size: number) => void }} actions
 */
export function createJump({ onPage, onRow, onSize }) {
  let total = 0;
  const size = h(
    'select',
    { class: 'control', 'aria-label': 'Rows on a page', onchange: () => onSize(Number(size.value)) },
    ...SIZES.map((rows) => h('option', { value: rows }, `${rows} rows`)),
  );
  const page = field('Page', (value) => onPage(value));
  const row = field('Row', (value) => onRow(value));

  function field(label, go) {
    const input = h('input', {
      class: 'control',
      type: 'number',
      min: 1,
      'aria-label': `Go to ${label.toLowerCase()}`,
      placeholder: label,
    });
    function submit(event) {
      event.preventDefault();
      const value = Math.min(Number(input.max) || 1, Math.max(1, Math.floor(Number(input.value) || 1)));
      input.value = '';
      go(value);
    }
    const form = h(
      'form',
      { novalidate: true, onsubmit: submit },
      input,
      h('button', { type: 'submit', class: 'control' }, 'Go'),
    );
    return { input, form };
  }

  return {
    root: h('div', { class: 'jump' }, size, page.form, row.form),
    /** @param rows of all pages */
    show(place, rows) {
      total = rows;
      size.value = String(place.size);
      page.input.max = String(Math.max(1, Math.ceil(total / place.size)));
      row.input.max = String(Math.max(1, total));
      page.form.hidden = total <= place.size;
      row.form.hidden = total <= place.size;
    },
  };
}
