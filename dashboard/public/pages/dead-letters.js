import { createAgain } from '../ui/again.js';
import { get, post } from '../ui/api.js';
import { ask } from '../ui/ask.js';
import { h, replace, setText } from '../ui/dom.js';
import { emptyState } from '../ui/empty.js';
import { count, plural, sentence } from '../ui/format.js';
import { addressOf } from '../ui/location.js';
import { createSearchBox } from '../ui/search-box.js';
import { session } from '../ui/session.js';
import { since } from '../ui/times.js';
import { askToDefine } from './dead-letters/define.js';
import { faultList, whatPasses } from './dead-letters/faults.js';
import { createGroups, criteriaOf } from './dead-letters/groups.js';
import { askToMend } from './dead-letters/mend.js';

const PAGE = 50;
const CRITERIA = [
  ['queue', 'Queue'],
  ['code', 'Reason'],
  ['field', 'Field'],
  ['endpoint', 'Endpoint'],
];

/** The records that could not be written, and why. All that match can be replayed or discarded together. */
export function createView(_place, { navigate, announce, signIn }) {
  let place;
  let shown; // the newest answer
  let dead; // how many dead letters there were then
  let loading;
  const again = createAgain(() => load());

  const found = h('p', { class: 'quiet', role: 'status' });
  const facets = h('div', { class: 'facets' });
  const search = createSearchBox({
    label: 'Search dead letters',
    placeholder: 'Search key, reason, payload',
    onSearch: (words) => navigate({ ...place, search: words, page: 1 }, place.search !== ''),
  });
  const groups = createGroups(mendAll, redefine);
  const replayAll = h('button', { type: 'button', class: 'control', onclick: () => actOnAll('replay') }, 'Replay all');
  const discardAll = h(
    'button',
    { type: 'button', class: 'control danger', onclick: () => actOnAll('discard') },
    'Discard all',
  );
  const result = h('div', { class: 'notice', role: 'status', hidden: true });
  const listTitle = h('h2', { class: 'list-title' }, 'Newest first');
  const list = h('div', { class: 'letters' });
  const pages = h('nav', { class: 'pager', 'aria-label': 'Pages' });
  const root = h(
    'section',
    { class: 'page', 'aria-labelledby': 'title' },
    h('div', { class: 'heading' }, h('div', {}, h('h1', { id: 'title' }, 'Dead letters'), found)),
    h('div', { class: 'tools' }, search.root, h('span', { class: 'push' }, replayAll, discardAll)),
    facets,
    result,
    groups.root,
    listTitle,
    list,
    pages,
  );

  const criteria = () =>
    Object.fromEntries(
      [...CRITERIA.map(([name]) => name), 'search']
        .filter((name) => place[name] !== '')
        .map((name) => [name, place[name]]),
    );

  async function load(refresh = false) {
    loading?.abort();
    const mine = new AbortController();
    loading = mine;
    again.done();
    const query = new URLSearchParams({
      ...criteria(),
      offset: String((place.page - 1) * PAGE),
      limit: String(PAGE),
      ...(refresh ? { refresh: '1' } : {}),
    });
    try {
      shown = await get(`/dead-letters?${query}`, mine.signal);
      dead = shown.queues.reduce((sum, { letters }) => sum + letters, 0);
      render();
      if (place.search !== '') announce(`${plural(shown.total, 'dead letter')} found`);
    } catch (failure) {
      if (mine.signal.aborted) return;
      again.failed(failure);
      const button = h('button', { type: 'button', class: 'control', onclick: () => load() }, 'Try again');
      groups.root.hidden = listTitle.hidden = true;
      replace(list, emptyState('The dead letters cannot be shown', sentence(failure.message), button));
    }
  }

  function render() {
    const { letters, total, complete } = shown;
    const filtered = Object.keys(criteria()).length > 0;
    setText(
      found,
      dead === 0
        ? 'There are no dead letters.'
        : filtered
          ? `${count(total)} of ${complete ? plural(dead, 'dead letter') : `the oldest ${count(shown.looked)}`} match`
          : `${plural(dead, 'record')} could not be written. Edit and replay them, or discard them with a reason.`,
    );
    replace(facets, ...CRITERIA.map(facet).filter(Boolean));
    groups.update(shown, place);
    listTitle.hidden = letters.length === 0;
    replace(list, ...(letters.length === 0 ? [nothing(filtered)] : letters.map(row)));
    if (!complete) list.prepend(oldestAlone(shown, dead));
    const all = filtered ? 'all that match' : 'all';
    const { passing, unknown } = shown.prospect;
    setText(replayAll, `Replay ${count(passing + unknown)} of ${count(total)}…`);
    setText(discardAll, `Discard ${all}…`);
    replayAll.hidden = discardAll.hidden = total === 0 && complete;
    // Of letters that were not looked at it is not known.
    replayAll.disabled = passing + unknown === 0 && complete;
    replayAll.title = replayAll.disabled
      ? 'None of them would pass now: edit them, or correct the pipeline file'
      : 'Those that would pass now';
    const step = (page, label, exists) =>
      exists ? h('a', { href: addressOf({ ...place, page }) }, label) : h('span', { class: 'faint' }, label);
    const first = (place.page - 1) * PAGE;
    replace(
      pages,
      ...(total <= PAGE
        ? []
        : [
            h('p', {}, `${count(first + 1)}–${count(first + letters.length)} of ${count(total)}`),
            h(
              'p',
              { class: 'steps' },
              step(place.page - 1, '← Newer', place.page > 1),
              step(place.page + 1, 'Older →', first + PAGE < total),
            ),
          ]),
    );
  }

  function facet([name, title]) {
    const values = shown.facets[name];
    if (values.length < 2 && place[name] === '') return undefined;
    const chip = ({ value, count: times }) => {
      const on = place[name] === value;
      return h(
        'a',
        {
          class: 'chip',
          'aria-current': on ? 'true' : null,
          href: addressOf({ ...place, [name]: on ? '' : value, page: 1 }),
        },
        value,
        h('span', { class: 'faint' }, ` ${count(times)}`),
      );
    };
    return h('p', { class: 'facet' }, h('span', { class: 'facet-name' }, title), ...values.slice(0, 12).map(chip));
  }

  const row = ({ id, key, entity, endpoint, code, reason, field, preview, deadAt, now }) =>
    h(
      'article',
      { class: 'letter' },
      h('h2', {}, h('a', { class: 'cover', href: addressOf({ at: 'dead-letters', letter: id }) }, key ?? 'no key')),
      h('p', { class: 'letter-when' }, deadAt === '' ? '' : since(deadAt)),
      h('p', { class: 'letter-why' }, reason),
      h(
        'p',
        { class: 'letter-what' },
        h('span', { class: 'tag' }, code),
        field !== null && h('span', { class: 'tag quieter' }, field),
        now.passes && h('span', { class: 'tag passes', title: 'The consumer would take it now' }, 'passes now'),
        h('span', { class: 'letter-from' }, `${entity} · ${endpoint}`),
      ),
      h('p', { class: 'letter-body' }, preview),
    );

  function nothing(filtered) {
    if (filtered)
      return emptyState(
        'No dead letter matches',
        'Remove the filters and the search to see all of them.',
        h('a', { href: addressOf({ at: 'dead-letters' }) }, 'Show all'),
      );
    return emptyState(
      'No dead letters',
      'A record that can never be written (no key, a wrong type, not JSON) is kept here with the reason. It does not delay other records.',
    );
  }

  async function actOnAll(action) {
    const role = action === 'replay' ? 'operator' : 'admin';
    if (!session.may(role)) await signIn();
    if (!session.may(role)) return;
    const words = {
      replay: ['Replay', whatPasses(shown)],
      discard: ['Discard', 'They are deleted. The audit log keeps their content.'],
    }[action];
    const meant = action === 'replay' ? shown.prospect.passing + shown.prospect.unknown : shown.total;
    const done = await ask({
      title: shown.complete
        ? `${words[0]} ${plural(meant, 'dead letter')}?`
        : `${words[0]} every dead letter that matches?`,
      text: words[1],
      more: action === 'replay' ? faultList(shown.prospect.faults) : undefined,
      action: words[0],
      danger: action === 'discard',
      reason: action === 'discard',
      run: ({ reason }) =>
        post(`/dead-letters/${action}`, { match: criteria(), ...(action === 'discard' ? { reason } : {}) }),
    });
    if (done === undefined) return;
    tellDone(done, action === 'replay' ? 'replayed' : 'discarded');
  }

  /** Mends the letters of one cause; of them those that match what is searched for. */
  async function mendAll(group) {
    if (!(await mayAct())) return;
    const { entities } = await get('/pipeline');
    const done = await askToMend({ match: matchOf(group), group, entity: entities[group.entity] });
    if (done !== undefined) tellDone(done, 'mended and replayed');
  }

  async function redefine(group) {
    if (!(await mayAct())) return;
    const done = await askToDefine({ match: matchOf(group), group });
    if (done !== undefined) tellDone(done, 'replayed');
  }

  async function mayAct() {
    if (!session.may('operator')) await signIn();
    return session.may('operator');
  }

  const matchOf = (group) => ({ ...criteria(), ...criteriaOf(group) });

  function tellDone(done, words) {
    announce(`${plural(done.done, 'dead letter')} ${words}`);
    result.hidden = words === 'discarded';
    replace(
      result,
      `${plural(done.done, 'dead letter')} ${words}. `,
      done.stayed > 0 && `${plural(done.stayed, 'dead letter')} stayed, because they would come back:`,
      faultList(done.faults),
    );
    load(true);
  }

  return {
    root,
    focusSearch: () => search.root.focus(),
    show(to) {
      place = to;
      search.show(place.search);
      load();
    },
    update({ queues }) {
      again.look();
      const now = queues.reduce((sum, queue) => sum + (queue.dead ?? 0), 0);
      const quiet = document.querySelector('dialog') === null && loading !== undefined;
      if (shown !== undefined && now !== dead && quiet) load();
    },
    leave() {
      search.leave();
      loading?.abort();
    },
  };
}

/** The list is limited in length, but actions on all that match are not. */
function oldestAlone({ looked }, dead) {
  const words = `This page lists and counts only the oldest ${count(looked)} of ${plural(dead, 'dead letter')}.`;
  return h('p', { class: 'notice' }, words, ' Replay and discard look at all of them.');
}
