import { h, svg } from './dom.js';
import { bytes, count, plural } from './format.js';

const HEIGHT = 28;

/** Rows written in each minute of the last hour, as bars. The scale is logarithmic: one flood must not flatten the rest. */
export function activity(counts) {
  const most = Math.max(1, ...counts);
  const bars = counts.map((rows, minute) => {
    const height = rows === 0 ? 1 : Math.max(3, (Math.log1p(rows) / Math.log1p(most)) * HEIGHT);
    return svg('rect', {
      x: minute * 4,
      y: HEIGHT - height,
      width: 3,
      height,
      rx: rows === 0 ? 0 : 0.8,
      class: rows === 0 ? 'none' : 'some',
    });
  });
  const total = counts.reduce((sum, rows) => sum + rows, 0);
  const label = `${plural(total, 'row')} written in the last hour, at most ${count(most)} in a minute`;
  const words = total === 0 ? 'No row was written in the last hour' : label;
  const box = {
    class: 'activity',
    viewBox: `0 0 239 ${HEIGHT}`,
    preserveAspectRatio: 'none',
    role: 'img',
    'aria-label': words,
  };
  return svg('svg', box, svg('title', {}, words), ...bars);
}

/** What keeps a summary's numbers from being whole: a first read under way, or something wrong with the data. */
export function notices({ indexing, problems }) {
  const reading =
    indexing !== null &&
    h(
      'p',
      { class: 'notice' },
      h('progress', { max: indexing.total, value: indexing.done, 'aria-label': 'Reading the parts' }),
      ` Reading the parts, ${bytes(indexing.done)} of ${bytes(indexing.total)}. Numbers and rows fill up meanwhile.`,
    );
  return [reading, ...problems.map((problem) => h('p', { class: 'notice bad' }, problem))].filter(Boolean);
}

/** What the rows of a dataset are. */
export const kindOf = ({ entity }) => (entity === null ? 'the merge' : `${entity} records`);
