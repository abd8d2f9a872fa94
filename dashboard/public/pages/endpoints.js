import { h, replace, setText } from '../ui/dom.js';
import { emptyState } from '../ui/empty.js';
import { hostOf, STATES, stateOf, troubleOf } from '../ui/endpoint-state.js';
import { count, plural, speed } from '../ui/format.js';
import { addressOf } from '../ui/location.js';
import { createSearchBox } from '../ui/search-box.js';
import { since, until } from '../ui/times.js';

const ORDER = Object.keys(STATES);
/** Groups with more endpoints than this are closed at first, unless one of them fails or a person looks for something. */
const OPEN = 30;
const GROUPS = {
  host: { words: 'By host', of: hostOf },
  state: { words: 'By state', of: (endpoint) => STATES[stateOf(endpoint)][0] },
  entity: { words: 'By entity', of: ({ entity }) => entity },
};

/** All endpoints: searched, grouped, those that fail first. */
export function createView(_place, { navigate }) {
  let place;
  let flow;
  let shape = '';
  let rows = new Map();
  /** Groups that a person has opened or closed. */
  const toggled = new Map();
  const to = (change) => navigate({ ...place, ...change }, true);
  const search = createSearchBox({
    label: 'Search endpoints',
    placeholder: 'Search names, hosts, reasons',
    onSearch: (words) => to({ search: words }),
  });
  const group = h(
    'select',
    { class: 'control', 'aria-label': 'Group', onchange: () => to({ group: group.value }) },
    h('option', { value: '' }, 'By host'),
    h('option', { value: 'state' }, 'By state'),
    h('option', { value: 'entity' }, 'By entity'),
  );
  const found = h('p', { class: 'quiet', role: 'status' }, 'Loading…');
  const states = h('p', { class: 'facet' });
  const list = h('div', { class: 'endpoint-groups' });
  const root = h(
    'section',
    { class: 'page', 'aria-labelledby': 'title' },
    h('div', { class: 'heading' }, h('div', {}, h('h1', { id: 'title' }, 'Endpoints'), found)),
    h('div', { class: 'tools' }, search.root, group),
    states,
    list,
  );

  const matches = (endpoint, words) => {
    const text = [endpoint.id, endpoint.url, endpoint.entity, troubleOf(endpoint)].join('\n').toLowerCase();
    return words.every((word) => text.includes(word));
  };

  function show() {
    if (flow === undefined || place === undefined) return;
    const words = place.search.toLowerCase().split(/\s+/).filter(Boolean);
    const all = flow.endpoints.filter((endpoint) => matches(endpoint, words));
    const shown = all.filter((endpoint) => place.state === '' || stateOf(endpoint) === place.state);
    setText(
      found,
      shown.length === flow.endpoints.length
        ? plural(shown.length, 'endpoint')
        : `${count(shown.length)} of ${plural(flow.endpoints.length, 'endpoint')}`,
    );
    replace(states, ...ORDER.map((state) => chip(state, all)).filter(Boolean));
    const groups = grouped(shown);
    const now = JSON.stringify(groups.map(({ name, members }) => [name, members.map(({ id }) => id)]));
    if (now !== shape) build(groups, now);
    for (const { name, members } of groups) rows.get(`group ${name}`)?.update(members);
    for (const endpoint of shown) rows.get(endpoint.id)?.update(endpoint);
  }

  function chip(state, all) {
    const number = all.filter((endpoint) => stateOf(endpoint) === state).length;
    const on = place.state === state;
    if (number === 0 && !on) return undefined;
    return h(
      'a',
      { class: 'chip', 'aria-current': on ? 'true' : null, href: addressOf({ ...place, state: on ? '' : state }) },
      STATES[state][0],
      h('span', { class: 'faint' }, ` ${count(number)}`),
    );
  }

  /** Those that fail first, in groups and among them; else by name. */
  function grouped(endpoints) {
    const { of } = GROUPS[place.group] ?? GROUPS.host;
    const groups = new Map();
    for (const endpoint of endpoints) {
      const name = of(endpoint);
      groups.set(name, [...(groups.get(name) ?? []), endpoint]);
    }
    const isBad = (endpoint) => (stateOf(endpoint) === 'failing' ? 0 : 1);
    const byName = (a, b) => (a < b ? -1 : 1);
    return [...groups]
      .map(([name, members]) => ({ name, members: members.sort((a, b) => isBad(a) - isBad(b) || byName(a.id, b.id)) }))
      .sort((a, b) => isBad(a.members[0]) - isBad(b.members[0]) || byName(a.name, b.name));
  }

  function build(groups, now) {
    shape = now;
    rows = new Map();
    if (groups.length === 0) {
      const all = h('a', { href: addressOf({ at: 'endpoints' }) }, 'Show all');
      return replace(list, emptyState('No endpoint matches', 'Remove the filters and the search to see all.', all));
    }
    replace(list, ...groups.map(groupOf));
  }

  function groupOf({ name, members }) {
    const figure = h('span', { class: 'faint' });
    const isOpen =
      toggled.get(name) ??
      (members.length <= OPEN || place.search !== '' || place.state !== '' || stateOf(members[0]) === 'failing');
    const box = h(
      'details',
      { class: 'endpoint-group', open: isOpen },
      h('summary', {}, h('strong', {}, name), ' ', figure),
      h('ul', { class: 'endpoint-list' }, ...members.map(rowOf)),
    );
    box.querySelector('summary').addEventListener('click', () => toggled.set(name, !box.open));
    rows.set(`group ${name}`, {
      update(of) {
        const bad = of.filter((endpoint) => stateOf(endpoint) === 'failing').length;
        setText(figure, `${plural(of.length, 'endpoint')}${bad > 0 ? `, ${count(bad)} failing` : ''}`);
      },
    });
    return box;
  }

  function rowOf({ id }) {
    const state = h('span', { class: 'endpoint-state' });
    const last = h('span', { class: 'endpoint-last faint' });
    const next = h('span', { class: 'endpoint-next faint' });
    const rate = h('span', { class: 'endpoint-rate' });
    const why = h('span', { class: 'endpoint-why' });
    const link = h('a', { class: 'endpoint-name', href: addressOf({ at: 'endpoints', endpoint: id }) }, id);
    let times = '';
    rows.set(id, {
      update(endpoint) {
        const [words, look] = STATES[stateOf(endpoint)];
        setText(state, words);
        state.dataset.state = look;
        setText(why, troubleOf(endpoint));
        setText(rate, endpoint.rate > 0 ? `${speed(endpoint.rate)}/s` : '');
        const { lastPollAt, nextPollAt, mode } = endpoint;
        if (times === `${lastPollAt} ${nextPollAt} ${words}`) return;
        times = `${lastPollAt} ${nextPollAt} ${words}`;
        replace(last, since(lastPollAt));
        replace(next, mode !== 'polled' ? mode : look === 'off' ? '' : h('span', {}, 'next ', until(nextPollAt)));
      },
    });
    return h('li', { class: 'endpoint-row' }, link, state, rate, last, next, why);
  }

  return {
    root,
    focusSearch: () => search.root.focus(),
    show(at) {
      place = at;
      search.show(place.search);
      group.value = place.group;
      show();
    },
    update(to) {
      flow = to;
      show();
    },
    leave: () => search.leave(),
  };
}
