import { createAgain } from '../ui/again.js';
import { get } from '../ui/api.js';
import { h, replace, setText } from '../ui/dom.js';
import { emptyPage } from '../ui/empty.js';
import { COMING, STATES, stateOf, troubleOf } from '../ui/endpoint-state.js';
import { sentence, speed } from '../ui/format.js';
import { addressOf } from '../ui/location.js';
import { moment, since, until } from '../ui/times.js';
import { createActs } from './endpoint/acts.js';
import { createLog } from './endpoint/log.js';
import { runTable } from './endpoint/runs.js';

/** What one endpoint is, how it is, its runs, and what can be done to it. */
export function createView({ endpoint: id }, { announce, signIn }) {
  const closing = new AbortController();
  const again = createAgain(load);
  let parts; // what is kept up to date; undefined until it is loaded
  let seen = '';
  const root = h('section', { class: 'page endpoint-page', 'aria-labelledby': 'title' });

  async function load() {
    again.done();
    try {
      const found = await get(`/endpoints/${encodeURIComponent(id)}`, closing.signal);
      parts ??= build(found);
      show(found);
    } catch (failure) {
      if (closing.signal.aborted) return;
      again.failed(failure);
      const title = failure.status === 404 ? 'There is no such endpoint' : 'The endpoint cannot be shown';
      parts = undefined;
      root.replaceChildren(emptyPage(title, sentence(failure.message), back()));
    }
  }

  function build({ settings }) {
    const state = h('span', { class: 'endpoint-state' });
    const trouble = h('p', { class: 'notice bad', hidden: true });
    const now = h('dl', { class: 'facts' });
    const runs = h('div', {});
    const log = createLog(id, closing.signal);
    const acts = createActs({ id, announce, signIn, onDone: load });
    const facts = settings.flatMap(({ name, value }) => [h('dt', {}, name), h('dd', {}, value)]);
    root.replaceChildren(
      h('p', { class: 'crumb' }, back()),
      h('div', { class: 'heading' }, h('h1', { id: 'title' }, id, ' ', state), acts.root),
      trouble,
      h(
        'div',
        { class: 'edit' },
        h('div', {}, h('h2', {}, 'Runs'), runs, h('h2', {}, 'Log'), log.root),
        h('aside', {}, h('h2', {}, 'Now'), now, h('h2', {}, 'What it is'), h('dl', { class: 'facts' }, ...facts)),
      ),
    );
    return { state, trouble, now, runs, acts, log };
  }

  function show({ endpoint, now, runs }) {
    showState(endpoint);
    const { lastPollAt, rate, source, mode } = endpoint;
    const coming = COMING[mode](endpoint);
    const next =
      mode === 'polled' && stateOf(endpoint) !== 'paused' ? until(coming) : mode === 'polled' ? 'paused' : coming;
    const facts = [
      ...(mode === 'followed' ? [] : [[mode === 'sent' ? 'Last event' : 'Last run', since(lastPollAt)]]),
      ['Next', next],
      ['Flows', `${speed(rate)} records/s`],
      ...(source.length === 0 ? [] : [['Source', source.join(' · ')]]),
      ...(now === null ? [['Producer', 'none answers']] : whatProducerSays(now)),
    ];
    replace(parts.now, ...facts.flatMap(([term, value]) => [h('dt', {}, term), h('dd', {}, value)]));
    replace(parts.runs, runTable(runs, mode));
    parts.acts.update(endpoint, now?.checkpoints ?? []);
    parts.log.look();
  }

  function showState(endpoint) {
    const [words, look] = STATES[stateOf(endpoint)];
    setText(parts.state, words);
    parts.state.dataset.state = look;
    const trouble = troubleOf(endpoint);
    parts.trouble.hidden = trouble === '';
    setText(parts.trouble, trouble === '' ? '' : sentence(trouble));
  }

  load();
  return {
    root,
    update({ endpoints }) {
      again.look();
      const endpoint = endpoints.find((one) => one.id === id);
      if (endpoint === undefined || parts === undefined) return;
      showState(endpoint);
      parts.log.look();
      const { lastPollAt, nextPollAt, paused, running, source } = endpoint;
      const now = JSON.stringify([lastPollAt, nextPollAt, paused, running, source]);
      if (now === seen) return;
      seen = now;
      load();
    },
    leave: () => closing.abort(),
  };
}

/** How the circuit is told: `open` and `refused` are not asked as the schedule says. */
const CIRCUITS = { open: 'open: left alone for a while', refused: 'refused: a person must look' };

const whatProducerSays = ({ producer, run, cursor, failures, notBefore, state }) => [
  ['Producer', producer ?? 'none polls it'],
  ['Run', run === null ? 'none yet' : String(run)],
  ['Cursor', cursor ?? 'none: everything is read'],
  ['Circuit', CIRCUITS[state] ?? (failures > 0 ? `closed, ${failures} failed in a row` : 'closed')],
  ...(notBefore === null ? [] : [['Asked to wait', moment(notBefore)]]),
];

const back = () => h('a', { href: addressOf({ at: 'endpoints' }) }, '← All endpoints');
