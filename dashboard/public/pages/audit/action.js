import { get } from '../../ui/api.js';
import { h } from '../../ui/dom.js';
import { count, plural, sentence, span } from '../../ui/format.js';
import { addressOf } from '../../ui/location.js';
import { moment } from '../../ui/times.js';

/** Steps of an action that are shown when it is opened. */
const MOST_STEPS = 200;
const STEPS = {
  begun: 'requested',
  letter: 'one record',
  kept: 'kept content removed',
  done: 'done',
  failed: 'failed',
};

/**
 * One action as a row of the table, and a row below it, at first hidden, for its steps.
 *
 * @param {{ place: object, columns: number }} around the place that is shown, and how many columns the table has
 */
export function actionRow(action, { place, columns }) {
  const { at, who, role, from, action: name, outcome } = action;
  const steps = h('td', { colspan: columns });
  const below = h('tr', { class: 'steps-of', hidden: true }, steps);
  const open = h(
    'button',
    { type: 'button', class: 'link', 'aria-expanded': 'false', title: 'Show each step', onclick: () => toggle() },
    name,
  );
  async function toggle() {
    below.hidden = !below.hidden;
    open.setAttribute('aria-expanded', String(!below.hidden));
    if (!below.hidden) steps.replaceChildren(await stepsOf(action));
  }
  const row = h(
    'tr',
    {},
    h('td', { class: 'time' }, moment(at)),
    h(
      'td',
      {},
      h('a', { href: addressOf({ ...place, who, page: 1 }), title: `Actions of ${who} only` }, h('strong', {}, who)),
      h('span', { class: 'faint' }, ` ${role}`),
    ),
    h('td', {}, open),
    h('td', {}, describe(action)),
    h('td', { class: outcome === 'failed' && 'bad' }, outcomeOf(action)),
    h('td', { class: 'faint' }, from),
  );
  return [row, below];
}

/** What it was done to, and why. */
function describe({ records, keys, detail: { match = {}, reason, edited, endpoint, scenario, set, ...more } }) {
  const criteria = Object.entries(match)
    .filter(([name]) => name !== 'id')
    .map(([name, value]) => `${name} ${value}`);
  const expressions = Object.entries(set ?? {}).map(([field, expression]) => `${field} = ${expression}`);
  const one = keys.length === 1 && records <= 1 ? keys[0] : undefined;
  const what = endpoint ?? scenario ?? one ?? (criteria.join(', ') || 'all');
  const rest = Object.entries(more).map(
    ([name, value]) => `${name} ${typeof value === 'object' ? JSON.stringify(value) : value}`,
  );
  return [what, ...expressions, ...rest, edited === true && 'edited', reason].filter(Boolean).join(' · ');
}

function outcomeOf({ at, endedAt, outcome, records, stayed, why, detail }) {
  if (outcome === 'failed') return `failed: ${why}`;
  const took = endedAt === null ? '' : (Date.parse(endedAt) - Date.parse(at)) / 1_000;
  const time = took >= 1 ? ` in ${span(took).join(' ')}` : '';
  const told =
    detail.match === undefined ? '' : `${plural(records, 'record')}${stayed ? `, ${count(stayed)} stayed` : ''}`;
  const words = outcome === 'open' ? ['no end is noted', told] : [`${told === '' ? 'done' : told}${time}`, why];
  return words.filter(Boolean).join(' · ');
}

async function stepsOf({ request }) {
  try {
    const { entries } = await get(`/audit?limit=${MOST_STEPS}&request=${encodeURIComponent(request)}`);
    const line = ({ at, step, key, queue, why, kept, done }) =>
      h(
        'li',
        {},
        h('span', { class: 'faint' }, moment(at), ' '),
        [
          STEPS[step] ?? step,
          key === undefined ? undefined : `${key} of ${queue}`,
          kept,
          why,
          done === undefined ? undefined : `${count(done)} done`,
        ]
          .filter(Boolean)
          .join(' · '),
      );
    const rest =
      entries.length === MOST_STEPS && h('li', { class: 'faint' }, `The newest ${MOST_STEPS}; the file has all.`);
    return h('ol', {}, ...[...entries].reverse().map(line), rest || '');
  } catch (failure) {
    return h('p', { class: 'notice bad' }, sentence(failure.message));
  }
}
