import { h } from '../../ui/dom.js';
import { emptyState } from '../../ui/empty.js';
import { count, span } from '../../ui/format.js';
import { moment } from '../../ui/times.js';

const COLUMNS = ['Began', 'Took', 'Records', 'Pages', 'Retries', 'Sent', 'Outcome'];
const NO_RUNS = {
  polled: 'They are listed here from when the dashboard starts on, as they end.',
  followed: 'It follows the changes of a database: it has no runs. How far behind it is stands beside, under Source.',
  sent: 'Nothing is asked: events come when they come.',
};

/** The runs that were seen, the newest first, with the time that each took as a bar. */
export function runTable(runs, mode) {
  if (runs.length === 0) return emptyState('No runs were seen yet', NO_RUNS[mode]);
  const seconds = ({ startedAt, endedAt }) => Math.max(0, Date.parse(endedAt) - Date.parse(startedAt)) / 1_000;
  const longest = Math.max(0.001, ...runs.map(seconds));
  const known = (number) => (number === null ? '–' : count(number));
  const row = (run) =>
    h(
      'tr',
      {},
      h('td', { class: 'time' }, moment(run.startedAt)),
      h(
        'td',
        { class: 'took' },
        h('meter', { min: 0, max: longest, value: seconds(run), 'aria-label': `Took ${span(seconds(run)).join(' ')}` }),
        span(seconds(run)).join(' '),
      ),
      h('td', { class: 'number' }, count(run.records)),
      h('td', { class: 'number' }, known(run.pages)),
      h('td', { class: 'number' }, known(run.retries)),
      h('td', { class: 'number' }, count(run.published)),
      h('td', { class: run.error === null ? 'no' : 'failed' }, run.error ?? 'done'),
    );
  return h(
    'div',
    { class: 'rows runs', tabindex: '0', role: 'region', 'aria-label': 'Runs' },
    h(
      'table',
      {},
      h('thead', {}, h('tr', {}, ...COLUMNS.map((title) => h('th', { scope: 'col' }, title)))),
      h('tbody', {}, ...runs.map(row)),
    ),
  );
}
