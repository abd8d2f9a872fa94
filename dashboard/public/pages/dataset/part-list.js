import { datasetPath, get } from '../../ui/api.js';
import { h } from '../../ui/dom.js';
import { bytes, plural, sentence } from '../../ui/format.js';

/** Lists the files of a dataset, each to download as it is. */
export async function openParts(name) {
  const list = h('ul', { class: 'part-list' }, h('li', { class: 'faint' }, 'Loading…'));
  const dialog = h(
    'dialog',
    { class: 'small-dialog', 'aria-labelledby': 'parts-title' },
    h('h2', { id: 'parts-title' }, `Parts of ${name}`),
    list,
    h(
      'p',
      { class: 'buttons' },
      h('button', { type: 'button', class: 'control', onclick: () => dialog.close() }, 'Close'),
    ),
  );
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  try {
    const { files } = await get(datasetPath(name));
    list.replaceChildren(...files.map((file) => item(name, file)));
  } catch (failure) {
    list.replaceChildren(h('li', {}, sentence(failure.message)));
  }
}

function item(name, { name: part, rows, bytes: size }) {
  const about = h('span', { class: 'faint' }, ` ${plural(rows, 'row')}, ${bytes(size)}`);
  // A part in Postgres is a table, which cannot be downloaded as a file.
  if (!part.endsWith('.csv')) return h('li', {}, h('code', {}, part), about);
  const href = `/api${datasetPath(name)}/parts/${encodeURIComponent(part)}`;
  return h('li', {}, h('a', { href, download: true }, h('code', {}, part)), about);
}
