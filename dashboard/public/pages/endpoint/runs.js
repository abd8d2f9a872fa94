import { h, svg } from '../../ui/dom.js';
import { emptyState } from '../../ui/empty.js';
import { count, localTime, plural, span } from '../../ui/format.js';
import { moment } from '../../ui/times.js';

const COLUMNS = ['Began', 'Took', 'Records', 'Pages', 'Retries', 'Sent', 'Outcome'];
const NO_RUNS = {
  polled: 'They are listed here as they end, while the dashboard runs; a restart does not lose them.',
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
  const box = h(
    'div',
    { class: 'rows runs', tabindex: '0', role: 'region', 'aria-label': 'Runs' },
    h(
      'table',
      {},
      h('thead', {}, h('tr', {}, ...COLUMNS.map((title) => h('th', { scope: 'col' }, title)))),
      h('tbody', {}, ...runs.map(row)),
    ),
  );
  return h('div', {}, timeline(runs), box);
}

const WIDTH = 600;
const HEIGHT = 36;

/** The runs on a line of time, each as wide as it took and as high as the records that it brought; those that failed stand out. */
function timeline(runs) {
  const [begin, end] = [Date.parse(runs.at(-1).startedAt), Date.parse(runs[0].endedAt)];
  const length = Math.max(1, end - begin);
  const most = Math.max(1, ...runs.map(({ records }) => records));
  const x = (time) => ((Date.parse(time) - begin) / length) * WIDTH;
  const bars = runs.map((run) => {
    const height = Math.max(4, (Math.log1p(run.records) / Math.log1p(most)) * HEIGHT);
    const words = `${localTime(run.startedAt)}: ${plural(run.records, 'record')}, ${run.error ?? 'done'}`;
    return svg(
      'rect',
      {
        x: x(run.startedAt),
        y: HEIGHT - height,
        width: Math.max(2, x(run.endedAt) - x(run.startedAt)),
        height,
        class: run.error === null ? 'some' : 'failed',
      },
      svg('title', {}, words),
    );
  });
  const failed = runs.filter(({ error }) => error !== null).length;
  const words = `${plural(runs.length, 'run')} from ${localTime(runs.at(-1).startedAt)} to ${localTime(runs[0].endedAt)}, ${failed} of them failed`;
  const picture = {
    class: 'timeline',
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    preserveAspectRatio: 'none',
    role: 'img',
    'aria-label': words,
  };
  return h(
    'div',
    {},
    svg('svg', picture, ...bars),
    h('p', { class: 'timeline-ends' }, moment(runs.at(-1).startedAt), moment(runs[0].endedAt)),
  );
}
