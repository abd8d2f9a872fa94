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
export const whatPasses = (found) => told(found, 'would pass now and are replayed');

/** The same of what is not there yet. */
export const whatWouldPass = (found) => told(found, 'would pass under this definition');

function told({ total, complete, looked, prospect: { passing, unknown, staying } }, words) {
  const of = complete ? count(total) : `the oldest ${count(looked)}`;
  const kept =
    unknown > 0 && `${plural(unknown, 'letter')} whose content is kept with the output will be checked then.`;
  return [
    `${count(passing)} of ${of} ${words}.`,
    kept,
    staying > 0 && `${count(staying)} would come back here, and stay:`,
  ]
    .filter(Boolean)
    .join(' ');
}
