import { createAgain } from '../ui/again.js';
import { get, post } from '../ui/api.js';
import { ask } from '../ui/ask.js';
import { h, replace } from '../ui/dom.js';
import { emptyState } from '../ui/empty.js';
import { bytes, count, plural, sentence, span } from '../ui/format.js';
import { session } from '../ui/session.js';
import { moment, since, until } from '../ui/times.js';

/** Milliseconds between two looks, while an export goes on and while none does. */
const SOON = 1_500;
const LATER = 15_000;
/** Runs that the server looks for where an export writes to. */
const MOST = 100;
const COLUMNS = ['Began', 'State', 'Rows', 'Size', 'Took', 'For', 'Where, or why not'];

/** The exports of the pipeline file: what they write, their last runs, and a button that runs one now. */
export function createView(_place, { announce, signIn }) {
  const closing = new AbortController();
  const again = createAgain(load);
  let dueAt = 0;
  let seen = '';
  let running = new Set();
  const list = h('div', { class: 'exports' }, h('p', { class: 'quiet' }, 'Looking…'));
  const root = h(
    'section',
    { class: 'page exports-page', 'aria-labelledby': 'title' },
    h('div', { class: 'heading' }, h('h1', { id: 'title' }, 'Exports')),
    list,
  );

  async function load() {
    again.done();
    dueAt = Date.now() + LATER;
    try {
      const { exports } = await get('/exports', closing.signal);
      tellEnded(exports);
      if (running.size > 0) dueAt = Date.now() + SOON;
      // What a person reads or has the focus on stays as it is while nothing has changed.
      const now = JSON.stringify([exports, session.role]);
      if (now === seen) return;
      seen = now;
      replace(list, ...(exports.length === 0 ? [none()] : exports.map(card)));
    } catch (failure) {
      if (closing.signal.aborted) return;
      again.failed(failure);
      seen = '';
      replace(list, emptyState('The exports cannot be shown', sentence(failure.message)));
    }
  }

  function tellEnded(exports) {
    const now = new Set(exports.filter(({ current }) => current !== null).map(({ name }) => name));
    for (const { name, past } of exports) {
      if (!running.has(name) || now.has(name) || past.length === 0) continue;
      const [{ why, rows }] = past;
      announce(why === null ? `${name}: ${plural(rows, 'row')} exported` : `${name} failed: ${why}`);
    }
    running = now;
  }

  function card(one) {
    const { name, current, past, cut, query, nextAt } = one;
    const go = h(
      'button',
      {
        type: 'button',
        class: 'control primary',
        disabled: current !== null,
        'aria-label': `${current === null ? 'Export now' : 'Exporting…'}: ${name}`,
        onclick: () => run(name),
      },
      current === null ? 'Export now' : 'Exporting…',
    );
    const facts = [
      ['Writes', writes(one)],
      ['To', h('code', {}, one.to)],
      ['When', when(one, nextAt)],
    ];
    return h(
      'section',
      { class: 'export', 'aria-labelledby': `export-${name}` },
      h('div', { class: 'heading' }, h('h2', { id: `export-${name}` }, name), go),
      current !== null &&
        h(
          'p',
          { class: 'notice', role: 'status' },
          'It is being exported since ',
          moment(current.begunAt),
          `, for ${by(current)}, by ${current.instance}.`,
        ),
      past[0]?.why &&
        current === null &&
        h('p', { class: 'notice bad' }, `The last run failed: ${sentence(past[0].why)}`),
      h('dl', { class: 'facts' }, ...facts.flatMap(([term, value]) => [h('dt', {}, term), h('dd', {}, value)])),
      h('details', {}, h('summary', {}, 'Query'), h('pre', { tabindex: '0', 'aria-label': `Query of ${name}` }, query)),
      past.length === 0 ? h('p', { class: 'quiet' }, 'No run yet that this dashboard knows of.') : runTable(name, past),
      cut && h('p', { class: 'quiet' }, `Of the runs that lie there, the newest ${MOST} are listed.`),
    );
  }

  async function run(name) {
    if (!session.may('operator')) {
      await signIn();
      seen = '';
      await load();
      if (!session.may('operator')) return;
    }
    const begun = await ask({
      title: `Export ${name} now?`,
      text: 'Its query runs once, and its files are written. Nothing that was written before is changed; runs that are too old go, as its settings say.',
      action: 'Export',
      run: () => post(`/exports/${encodeURIComponent(name)}/run`, {}),
    });
    if (begun === undefined) return;
    announce(`${name} is being exported`);
    running.add(name);
    await load();
  }

  load();
  return {
    root,
    update() {
      again.look();
      if (Date.now() >= dueAt) load();
    },
    leave: () => closing.abort(),
  };
}

const none = () =>
  emptyState(
    'This pipeline has no exports',
    'Add some under exports: in the pipeline file: a query or a dataset, a format, and where the files go. docs/exports.md tells how.',
  );

const NAMES = new Map([
  ['schedule', 'the schedule'],
  ['elsewhere', 'no dashboard (the command line)'],
]);
/** A person may be called as what every object inherits, such as `constructor`. */
const by = ({ by: who }) => NAMES.get(who) ?? who;

const stateOf = ({ why, kept }) => (why !== null ? 'failed' : kept === false ? 'done, removed since' : 'done');

function writes({ format, split, keep }) {
  const shares =
    split === null ? [] : Object.entries(split).map(([file, share]) => `${file} ${Math.round(share * 1000) / 10} %`);
  return [format, ...shares, ...(keep === null ? [] : [`the last ${plural(keep, 'run')} kept`])].join(' · ');
}

function when({ schedule }, nextAt) {
  if (schedule === null) return 'by hand';
  return h('span', {}, schedule, ' · next ', nextAt === null ? 'never' : until(nextAt));
}

function runTable(name, past) {
  const row = (one) => {
    const seconds = Math.max(0, Date.parse(one.endedAt) - Date.parse(one.begunAt)) / 1_000;
    return h(
      'tr',
      {},
      h('td', {}, since(one.begunAt)),
      h('td', { class: one.why === null ? '' : 'failed' }, stateOf(one)),
      h('td', { class: 'number' }, one.rows === null ? '–' : count(one.rows)),
      h('td', { class: 'number' }, one.bytes === null ? '–' : bytes(one.bytes)),
      h('td', { class: 'number' }, span(seconds).join(' ')),
      h('td', {}, by(one)),
      h('td', { class: 'place' }, one.why ?? one.place),
    );
  };
  return h(
    'div',
    { class: 'rows export-runs', tabindex: '0', role: 'region', 'aria-label': `Last runs of ${name}` },
    h(
      'table',
      {},
      h('thead', {}, h('tr', {}, ...COLUMNS.map((title) => h('th', { scope: 'col' }, title)))),
      h('tbody', {}, ...past.slice(0, 10).map(row)),
    ),
  );
}
