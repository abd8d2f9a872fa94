import { h, setText } from '../ui/dom.js';
import { bytes, count, span, speed } from '../ui/format.js';
import { addressOf } from '../ui/location.js';
import { session } from '../ui/session.js';
import { since, until } from '../ui/times.js';
import { createCharts } from './flow/charts.js';
import { createActs } from './flow/endpoint-buttons.js';
import { createRivers } from './flow/rivers.js';
import { createScenarios } from './flow/scenarios.js';

/** What a person asks first, each with the flow's own answer. */
const VITALS = [
  ['Written', 'rows a second, durable', ({ rates }) => [speed(rates.written), '/s']],
  ['Fresh', 'since the newest durable row', ({ freshness }) => age(freshness)],
  ['Backlog', 'records waiting in the queues', ({ queues }) => [compact(total(queues, 'ready'))]],
  ['In flight', 'held by consumers, unacknowledged', ({ unacked }) => [compact(unacked)]],
  ['Oldest waiting', 'for its batch to be written', ({ oldestUnflushed }) => age(oldestUnflushed)],
  ['Dead letters', 'to be mended', ({ queues }) => [compact(total(queues, 'dead'))]],
];

/** The path as a picture with live numbers, what is wrong in words, and the last hour. */
export function createView(_place, { announce }) {
  const mood = h('p', { class: 'mood' }, 'Looking…');
  const troubles = h('ul', { class: 'troubles' });
  const vitals = VITALS.map(([term, title]) => {
    const figure = h('strong', {}, '–');
    const unit = h('span', { class: 'unit' });
    return { figure, unit, root: h('div', { title }, h('dt', {}, term), h('dd', {}, figure, unit)) };
  });
  const path = h('div', { class: 'path' });
  const rivers = createRivers(path);
  const charts = createCharts();
  const root = h(
    'section',
    { class: 'flow', 'aria-labelledby': 'title' },
    h('h1', { id: 'title', class: 'unseen' }, 'Flow'),
    h(
      'div',
      { class: 'headline' },
      h('div', { class: 'words' }, mood, troubles),
      h('dl', { class: 'vitals' }, ...vitals.map((vital) => vital.root)),
    ),
    path,
    charts.root,
    createScenarios(announce),
  );
  let shape = '';
  let nodes = new Map();

  /** The picture is made anew only when a part comes or goes: numbers change within it, and nothing jumps. */
  function build(flow) {
    nodes = new Map();
    const add = (id, node) => {
      nodes.set(id, node);
      return node.root;
    };
    const stage = (title, href, ...children) =>
      h(
        'section',
        { class: 'stage' },
        h('h2', {}, href === undefined ? title : h('a', { href }, title)),
        h('div', { class: 'nodes' }, ...children),
      );
    const stages = [
      stage('APIs', undefined, ...flow.endpoints.map(({ id }) => add(`endpoint ${id}`, endpointNode(announce)))),
      stage(
        'Producer',
        undefined,
        ...atLeastOne(flow.producers, 'producer').map(({ address }) => add(`producer ${address}`, instanceNode())),
      ),
      stage('Queues', '/dead-letters', ...flow.queues.map(({ queue }) => add(`queue ${queue}`, queueNode(queue)))),
      stage(
        'Consumers',
        undefined,
        ...atLeastOne(flow.consumers, 'consumer').map(({ address }) => add(`consumer ${address}`, instanceNode())),
      ),
      stage(
        flow.sink.type === 'csv' ? 'CSV files' : 'Postgres',
        '/data',
        ...flow.datasets.map(({ name }) => add(`dataset ${name}`, datasetNode(name))),
      ),
    ];
    path.replaceChildren(rivers.root, ...stages);
    rivers.between(stages, edges(flow));
  }

  function edges({ endpoints, producers, queues, consumers, datasets }) {
    const of = (id) => nodes.get(id)?.root;
    const makers = atLeastOne(producers, 'producer').map(({ address }) => of(`producer ${address}`));
    const takers = atLeastOne(consumers, 'consumer').map(({ address }) => of(`consumer ${address}`));
    const pairs = (from, to, rate) =>
      from.flatMap((a) => to.map((b) => ({ from: a, to: b, rate: (flow) => rate(flow) / (from.length * to.length) })));
    const find = (flow, list, key, value) => flow[list].find((one) => one[key] === value);
    return [
      ...endpoints.flatMap(({ id }) =>
        pairs([of(`endpoint ${id}`)], makers, (flow) => find(flow, 'endpoints', 'id', id)?.rate ?? 0),
      ),
      ...queues.flatMap(({ queue, entity }) =>
        pairs(makers, [of(`queue ${queue}`)], (flow) =>
          flow.endpoints.filter((one) => one.entity === entity).reduce((sum, one) => sum + one.rate, 0),
        ),
      ),
      ...queues.flatMap(({ queue }) =>
        pairs([of(`queue ${queue}`)], takers, (flow) => find(flow, 'queues', 'queue', queue)?.rate ?? 0),
      ),
      ...datasets.flatMap(({ name }) =>
        pairs(takers, [of(`dataset ${name}`)], ({ rates, datasets: all }) => rates.written / Math.max(1, all.length)),
      ),
    ];
  }

  return {
    root,
    update(flow) {
      const now = JSON.stringify(
        [flow.endpoints, flow.producers, flow.queues, flow.consumers, flow.datasets].map((list) =>
          list.map((one) => one.id ?? one.address ?? one.queue ?? one.name),
        ),
      );
      if (now !== shape) {
        shape = now;
        build(flow);
      }
      tellMood(flow, mood, troubles);
      for (const [index, [, , of]] of VITALS.entries()) {
        const [figure, unit = ''] = of(flow);
        setText(vitals[index].figure, figure);
        setText(vitals[index].unit, unit);
      }
      for (const endpoint of flow.endpoints) nodes.get(`endpoint ${endpoint.id}`)?.update(endpoint);
      for (const one of flow.producers)
        nodes
          .get(`producer ${one.address}`)
          ?.update(one, `${speed(flow.rates.fetched)} fetched/s`, `${speed(flow.rates.published)} confirmed/s`);
      for (const queue of flow.queues) nodes.get(`queue ${queue.queue}`)?.update(queue);
      for (const one of flow.consumers)
        nodes.get(`consumer ${one.address}`)?.update(one, `${count(one.unsettled)} in flight`, judged(flow.rates));
      for (const dataset of flow.datasets) nodes.get(`dataset ${dataset.name}`)?.update(dataset);
      rivers.update(flow);
    },
    history: charts.update,
    leave() {
      rivers.leave();
      charts.leave();
    },
  };
}

const total = (list, what) => list.reduce((sum, one) => sum + (one[what] ?? 0), 0);
const compact = (number) => (number < 100_000 ? count(number) : `${speed(number / 1000)}k`);
const judged = ({ accepted, duplicate }) => `${speed(accepted)} new/s, ${speed(duplicate)} known/s`;

function age(seconds) {
  return seconds === null ? ['–'] : span(seconds);
}

/** Where none is known the picture keeps its place, and the words say why. */
const atLeastOne = (list, name) => (list.length > 0 ? list : [{ address: name }]);

function tellMood(flow, mood, troubles) {
  const { problems, rates } = flow;
  const calm = rates.fetched + rates.written === 0 ? 'All is well, and quiet.' : 'Everything flows.';
  setText(
    mood,
    problems.length === 0
      ? calm
      : problems.length === 1
        ? 'One thing to look at'
        : `${problems.length} things to look at`,
  );
  mood.dataset.state = problems.length === 0 ? 'good' : 'bad';
  if (troubles.childElementCount !== problems.length) troubles.replaceChildren(...problems.map(() => h('li')));
  for (const [index, problem] of problems.entries()) setText(troubles.children[index], problem);
}

/** A box of the picture: a name, one figure, and lines below it. */
function node(title, ...lines) {
  const name = h('h3', {}, title);
  const figure = h('p', { class: 'node-figure' });
  const below = lines.map(() => h('p', { class: 'node-line' }));
  return { root: h('article', { class: 'node' }, name, figure, ...below), name, figure, below };
}

function endpointNode(announce) {
  const { root, name, figure, below } = node('', 'last', 'next');
  const act = createActs(announce);
  if (session.may('operator')) root.append(act.root);
  let shown = '';
  return {
    root,
    update({ id, url, schedule, lastPollAt, nextPollAt, paused, running, enabled, problem, rate, failures }) {
      setText(name, id);
      act.update(id, paused);
      name.title = url;
      setText(figure, rate > 0 ? `${speed(rate)}/s` : running ? 'polling…' : schedule);
      const state = !enabled ? 'switched off' : paused ? 'paused' : undefined;
      const now = [lastPollAt, nextPollAt, state, failures].join();
      if (now !== shown) {
        shown = now;
        below[0].replaceChildren('polled ', since(lastPollAt));
        below[1].replaceChildren(...(state === undefined ? ['next ', until(nextPollAt)] : [state]));
      }
      root.dataset.state = problem !== null ? 'bad' : state === undefined ? 'good' : 'off';
    },
  };
}

function instanceNode() {
  const { root, name, figure, below } = node('', 'work');
  return {
    root,
    update({ address, answers, problems }, first, second) {
      setText(name, address);
      setText(figure, answers ? first : 'no answer');
      setText(below[0], answers ? second : '');
      root.dataset.state = !answers || problems.length > 0 ? 'bad' : 'good';
    },
  };
}

function queueNode(queue) {
  const { root, name, figure, below } = node(queue, 'consumers');
  const dead = h('a', { class: 'node-line dead', href: addressOf({ at: 'dead-letters', queue }) });
  root.append(dead);
  name.title = queue;
  return {
    root,
    update({ ready, consumers, dead: letters, rate }) {
      setText(figure, ready === null ? 'not known' : `${count(ready)} waiting`);
      setText(below[0], `${speed(rate)}/s · ${consumers ?? 0} ${consumers === 1 ? 'consumer' : 'consumers'}`);
      setText(dead, letters ? `${count(letters)} dead ${letters === 1 ? 'letter' : 'letters'}` : '');
      root.dataset.state = ready === null || (consumers === 0 && ready > 0) ? 'bad' : 'good';
    },
  };
}

function datasetNode(name) {
  const { root, name: title, figure, below } = node('', 'written', 'size');
  title.replaceChildren(h('a', { href: addressOf({ dataset: name }), class: 'cover' }, name));
  let shown = '';
  return {
    root,
    update({ keys, lastWrittenAt, rows, bytes: size, problems }) {
      setText(figure, `${count(keys)} ${keys === 1 ? 'row' : 'rows'}`);
      if (shown !== lastWrittenAt) {
        shown = lastWrittenAt;
        below[0].replaceChildren('written ', since(lastWrittenAt));
      }
      setText(below[1], `${count(rows)} in history · ${bytes(size)}`);
      root.dataset.state = problems.length > 0 ? 'bad' : 'good';
    },
  };
}
