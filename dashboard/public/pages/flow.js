import { h, setText } from '../ui/dom.js';
import { count, span, speed } from '../ui/format.js';
import { createCharts } from './flow/charts.js';
import { createFiring } from './flow/firing.js';
import { moodOf } from './flow/mood.js';
import { datasetNode, endpointNode, instanceNode, queueNode, sourceGroupNode } from './flow/nodes.js';
import { createRivers } from './flow/rivers.js';
import { createScenarios } from './flow/scenarios.js';
import { sourceGroups } from './flow/source-groups.js';
import { createTroubles } from './flow/troubles.js';

/** The numbers at the top: label, explanation, and how each is read from the flow. */
const VITALS = [
  ['Written', 'Rows written to the sink per second', ({ rates }) => [speed(rates.written), '/s']],
  ['Newest row', 'How long ago the newest row was written', ({ freshness }) => age(freshness, ' ago')],
  [
    'In the queues',
    'Records that wait in the queues for a consumer; a message may hold many',
    ({ queues }) => [compact(total(queues, 'records'))],
  ],
  ['In flight', 'Records that consumers have taken and not yet acknowledged', ({ unacked }) => [compact(unacked)]],
  [
    'Oldest in flight',
    'How long the oldest record has waited for its batch to be written',
    ({ oldestUnflushed }) => age(oldestUnflushed),
  ],
  ['Dead letters', 'Records that could not be written', ({ queues }) => [compact(total(queues, 'dead'))]],
];

/** The path of the records as a picture with live numbers, the problems in words, and charts of the last hour. */
export function createView(_place, { announce }) {
  const mood = h('p', { class: 'mood' }, 'Loading…');
  const troubles = createTroubles();
  const firing = createFiring();
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
      h('div', { class: 'words' }, mood, firing.root, troubles.root),
      h('dl', { class: 'vitals' }, ...vitals.map((vital) => vital.root)),
    ),
    path,
    charts.root,
    createScenarios(announce),
  );
  let shape = '';
  let nodes = new Map();

  /** Makes the picture. It is made again only when a part comes or goes, so that nothing moves when numbers change. */
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
      stage(
        'Sources',
        '/endpoints',
        ...sourceGroups(flow.endpoints).map(({ name, search }) =>
          add(`source ${name}`, search === undefined ? endpointNode(announce) : sourceGroupNode()),
        ),
      ),
      stage(
        'Producer',
        undefined,
        ...atLeastOne(flow.producers, 'producer').map(({ address }) =>
          add(`producer ${address}`, instanceNode(address)),
        ),
      ),
      stage('Queues', '/dead-letters', ...flow.queues.map(({ queue }) => add(`queue ${queue}`, queueNode(queue)))),
      stage(
        'Consumers',
        undefined,
        ...atLeastOne(flow.consumers, 'consumer').map(({ address }) =>
          add(`consumer ${address}`, instanceNode(address)),
        ),
      ),
      stage(flow.sink.medium, '/data', ...flow.datasets.map(({ name }) => add(`dataset ${name}`, datasetNode(name)))),
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
      ...sourceGroups(endpoints).flatMap(({ name, members }) => {
        const ids = new Set(members.map(({ id }) => id));
        return pairs([of(`source ${name}`)], makers, (flow) =>
          flow.endpoints.filter(({ id }) => ids.has(id)).reduce((sum, { rate }) => sum + rate, 0),
        );
      }),
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
        [sourceGroups(flow.endpoints), flow.producers, flow.queues, flow.consumers, flow.datasets].map((list) =>
          list.map((one) => one.id ?? one.address ?? one.queue ?? one.name),
        ),
      );
      if (now !== shape) {
        shape = now;
        build(flow);
      }
      tellMood(flow, mood, troubles);
      firing.update(flow.alerts);
      for (const [index, [, , of]] of VITALS.entries()) {
        const [figure, unit = ''] = of(flow);
        setText(vitals[index].figure, figure);
        setText(vitals[index].unit, unit);
      }
      for (const group of sourceGroups(flow.endpoints)) {
        const node = nodes.get(`source ${group.name}`);
        if (group.search === undefined) node?.update(group.members[0]);
        else node?.update(group);
      }
      for (const one of flow.producers)
        nodes
          .get(`producer ${one.address}`)
          ?.update(one, `${speed(flow.rates.fetched)} fetched/s`, `${speed(flow.rates.published)} confirmed/s`);
      for (const queue of flow.queues) nodes.get(`queue ${queue.queue}`)?.update(queue);
      for (const one of flow.consumers)
        nodes.get(`consumer ${one.address}`)?.update(one, `${count(one.unsettled)} in flight`, judged(flow.rates));
      const asOf = new Map(flow.aggregates.map((one) => [one.dataset, one.asOf]));
      for (const dataset of flow.datasets)
        nodes.get(`dataset ${dataset.name}`)?.update(dataset, asOf.get(dataset.name));
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
const judged = ({ accepted, duplicate }) => `${speed(accepted)} new/s, ${speed(duplicate)} duplicate/s`;

function age(seconds, suffix = '') {
  if (seconds === null) return ['–'];
  const [number, unit] = span(seconds);
  return [number, unit + suffix];
}

/** If no instance is known, the picture shows an empty box for it; the problems say why. */
const atLeastOne = (list, name) => (list.length > 0 ? list : [{ address: name }]);

function tellMood(flow, mood, troubles) {
  const { words, state } = moodOf(flow);
  setText(mood, words);
  mood.dataset.state = state;
  troubles.update(flow.problems);
}
