import { h, svg } from './dom.js';
import { bytes, count, plural } from './format.js';
import { since } from './times.js';

const HEIGHT = 28;

/** Rows written in each minute of the last hour, as bars. The scale is logarithmic, so that one burst does not hide the rest. */
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
  const label = `${plural(total, 'row')} written in the last hour, at most ${count(most)} in one minute`;
  const words = total === 0 ? 'No rows were written in the last hour' : label;
  const box = {
    class: 'activity',
    viewBox: `0 0 239 ${HEIGHT}`,
    preserveAspectRatio: 'none',
    role: 'img',
    'aria-label': words,
  };
  return svg('svg', box, svg('title', {}, words), ...bars);
}

/** Why the numbers of a summary are not complete: the first read still runs, or something is wrong with the data. */
export function notices({ indexing, problems }) {
  const reading =
    indexing !== null &&
    h(
      'p',
      { class: 'notice' },
      h('progress', { max: indexing.total, value: indexing.done, 'aria-label': 'Reading the files' }),
      ` Reading the files: ${bytes(indexing.done)} of ${bytes(indexing.total)}. Until this is done, numbers and rows are incomplete.`,
    );
  return [reading, ...problems.map((problem) => h('p', { class: 'notice bad' }, problem))].filter(Boolean);
}

/** What the rows of a dataset hold. */
export function kindOf({ entity, groups }) {
  if (entity !== null) return `${entity} records`;
  return groups === null ? 'merged rows' : `groups of ${groups}`;
}

/**
 * The time whose rows the groups of an aggregate are made of, as consumers tell it with the flow: null while none tells it, and undefined
 * for what is no aggregate.
 */
export function asOfIn({ name, groups }, aggregates) {
  return groups === null ? undefined : (aggregates.find(({ dataset }) => dataset === name)?.asOf ?? null);
}

/** The same in words. */
export const tellAsOf = (asOf) =>
  asOf === null ? h('span', { class: 'faint' }, 'unknown: no consumer tells it') : since(asOf);
