import { h } from '../../ui/dom.js';
import { count, oneLine, plural } from '../../ui/format.js';
import { moment } from '../../ui/times.js';

/** Which poll fetched it, and whether RabbitMQ has confirmed all messages of that poll; or why this is unknown. */
function runSteps({ runs, note, since, endpoints }) {
  if (runs.length === 0) {
    const from = endpoints.length === 0 ? '' : `of ${endpoints.join(' or ')}, `;
    return [['Run', h('span', { class: 'faint' }, from, note, since !== null && [' ', moment(since)]), '']];
  }
  return runs.flatMap(({ endpoint, run, producer, startedAt, endedAt, confirmedAt, published, error }) => [
    ['Run', `${count(run)} of ${endpoint}`, ['started ', moment(startedAt), ` by ${producer}`]],
    confirmedAt === null
      ? ['Confirmed', `${plural(published, 'message')} of the run`, ['the run failed ', moment(endedAt), `: ${error}`]]
      : ['Confirmed', moment(confirmedAt), `with all ${plural(published, 'message')} of the run`],
  ]);
}

/** The other rows of the same write. */
function batchWords(batch, place) {
  if (batch === null) return '';
  if (batch.rows === 1) return 'alone';
  const others = `with ${plural(batch.rows - 1, 'other')}`;
  if (batch.records === null) return `${others} in one transaction`;
  const [first, last] = batch.records.map(count);
  return `${others} in one write: records ${first} to ${last} of ${place.split(',')[0]}`;
}

/** One version: its steps through the pipeline, and what it changed. */
export function versionItem(traced, first) {
  const { deleted, version, hash, messageIds, fetchedAt, writtenAt, consumer, batch, place, changes, values } = traced;
  const steps = [
    ['Fetched', fetchedAt === null ? 'unknown' : moment(fetchedAt), ''],
    ...runSteps(traced),
    ['Message', h('code', {}, messageIds.join(' + ')), ''],
    [
      'Accepted',
      consumer === null ? 'as new content' : `by ${consumer}`,
      `version ${version || '= time of the fetch'}`,
    ],
    ['Written', moment(writtenAt), batchWords(batch, place)],
    ['Stored in', h('code', {}, place), ''],
  ];
  const title = deleted ? 'Deleted' : first ? 'First seen' : 'Changed';
  return h(
    'li',
    { class: deleted ? 'version deleted' : 'version' },
    h('h2', {}, title, h('span', { class: 'faint' }, ` ${hash.slice(0, 12)}`)),
    h(
      'ol',
      { class: 'steps-taken' },
      ...steps.map(([what, how, more]) =>
        h(
          'li',
          {},
          h('span', { class: 'step' }, what),
          ' ',
          h('span', {}, how, more !== '' && h('span', { class: 'faint' }, ' ', ...[more].flat())),
        ),
      ),
    ),
    changes.length > 0 &&
      h(
        'table',
        { class: 'diff' },
        h('caption', { class: 'unseen' }, 'What changed'),
        h('thead', {}, h('tr', {}, ...['Field', 'Before', 'After'].map((head) => h('th', { scope: 'col' }, head)))),
        h('tbody', {}, ...changes.map(changeRow)),
      ),
    !deleted && h('details', {}, h('summary', {}, 'All fields'), h('pre', {}, JSON.stringify(values, null, 2))),
  );
}

const changeRow = ({ field, before, after }) =>
  h(
    'tr',
    {},
    h('th', { scope: 'row' }, field),
    h('td', { class: 'before' }, show(before)),
    h('td', { class: 'after' }, show(after)),
  );
const show = (value) => (value === null ? '–' : oneLine(value));
