import { h } from '../../ui/dom.js';
import { count, plural } from '../../ui/format.js';

/** Faults, how often each occurs, and the words of one. */
export const faultList = (faults) =>
  faults.length > 0 &&
  h(
    'ul',
    { class: 'faults' },
    ...faults.map(({ count: times, code, field, message }) =>
      h(
        'li',
        {},
        `${count(times)} × `,
        h('span', { class: 'tag' }, code),
        field !== null && h('span', { class: 'tag quieter' }, field),
        h('span', { class: 'faint' }, ` ${message}`),
      ),
    ),
  );

/** How many letters would pass, and how many would stay. */
export function whatPasses({ total, complete, looked, prospect: { passing, unknown, staying } }) {
  const of = complete ? count(total) : `the oldest ${count(looked)}`;
  const kept =
    unknown > 0 && `${plural(unknown, 'letter')} whose content is kept with the output will be checked then.`;
  return [
    `${count(passing)} of ${of} would pass now and are replayed.`,
    kept,
    staying > 0 && `${count(staying)} would come back here, and stay:`,
  ]
    .filter(Boolean)
    .join(' ');
}
