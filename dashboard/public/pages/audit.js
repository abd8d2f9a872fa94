import { createAgain } from '../ui/again.js';
import { get } from '../ui/api.js';
import { h } from '../ui/dom.js';
import { emptyState } from '../ui/empty.js';
import { count, sentence } from '../ui/format.js';
import { moment } from '../ui/times.js';

const STEPS = {
  begun: 'requested',
  letter: 'one record',
  kept: 'kept content removed',
  done: 'done',
  failed: 'failed',
};

/** Who did what and when, newest first. */
export function createView() {
  const list = h('div', { class: 'rows audit', tabindex: '0', role: 'region', 'aria-label': 'Entries' });
  const root = h(
    'section',
    { class: 'page', 'aria-labelledby': 'title' },
    h('div', { class: 'heading' }, h('h1', { id: 'title' }, 'Audit log')),
    list,
  );
  const again = createAgain(load);
  async function load() {
    try {
      const { entries } = await get('/audit?limit=500');
      list.replaceChildren(entries.length === 0 ? noActions() : tableOf(entries));
    } catch (failure) {
      again.failed(failure);
      list.replaceChildren(emptyState('The audit log cannot be shown', sentence(failure.message)));
    }
  }
  load();
  return { root, update: () => again.look() };
}

const noActions = () =>
  emptyState(
    'No actions yet',
    'Every replay, discard, run, pause and resume is recorded here, with the person and the time.',
  );

function tableOf(entries) {
  const row = (entry) =>
    h(
      'tr',
      {},
      h('td', { class: 'time' }, moment(entry.at)),
      h('td', {}, h('strong', {}, entry.who), h('span', { class: 'faint' }, ` ${entry.role}`)),
      h('td', {}, entry.action),
      h('td', {}, STEPS[entry.step] ?? entry.step),
      h('td', {}, describe(entry)),
      h('td', { class: 'faint' }, entry.from),
    );
  return h(
    'table',
    {},
    h(
      'thead',
      {},
      h(
        'tr',
        {},
        ...['Time', 'Person', 'Action', 'Step', 'Details', 'From address'].map((title) =>
          h('th', { scope: 'col' }, title),
        ),
      ),
    ),
    h('tbody', {}, ...entries.map(row)),
  );
}

function describe({ step, key, queue, match = {}, reason, done, stayed, why, kept, edited, endpoint, scenario }) {
  if (step === 'done' && done !== undefined) return `${count(done)} done${stayed ? `, ${count(stayed)} stayed` : ''}`;
  if (step === 'kept') return why ?? kept;
  if (step === 'failed') return why;
  const what =
    endpoint ??
    scenario ??
    (key === undefined
      ? Object.entries(match)
          .map(([name, value]) => `${name} ${value}`)
          .join(', ') || 'all'
      : `${key} of ${queue}`);
  return [what, edited === true && 'edited', reason].filter(Boolean).join(' · ');
}
