import { expectedOneOf } from '../../words.js';
import type { Fault } from '../fault.js';
import type { AlertRule, PipelineConfig } from '../schema.js';

/** Names that alerts mention and that must exist elsewhere in the file, and settings that need each other. */
export function* checkAlerts(config: PipelineConfig): Generator<Fault> {
  const { rules, channels } = config.alerts;
  for (const [name, rule] of Object.entries(rules)) {
    const path = `alerts.rules.${name}`;
    if (rule.to !== undefined) yield* checkNames(`${path}.to`, 'channel', rule.to, Object.keys(channels));
    yield* checkRule(path, rule, config);
  }
}

function* checkRule(
  path: string,
  rule: AlertRule,
  { entities, endpoints, merges, aggregates }: PipelineConfig,
): Generator<Fault> {
  if (rule.when === 'freshness') {
    const known = [...Object.values(entities), ...merges].map(({ dataset }) => dataset);
    for (const [index, name] of (rule.datasets ?? []).entries()) {
      const aggregate = aggregates.find(({ dataset }) => dataset === name);
      if (aggregate === undefined) yield* checkName(`${path}.datasets.${index}`, 'dataset', name, known);
      else yield { path: `${path}.datasets.${index}`, message: ofAggregate(name, aggregate.from), about: name };
    }
  } else if (rule.when === 'endpoint-failing') {
    yield* checkNames(`${path}.endpoints`, 'endpoint', rule.endpoints ?? [], Object.keys(endpoints));
  } else if (rule.when !== 'gone') {
    const known = Object.values(entities).map(({ queue }) => queue);
    yield* checkNames(`${path}.queues`, 'queue', rule.queues ?? [], known);
    if (rule.when === 'backlog' && rule.records === undefined && rule.wait === undefined)
      yield { path, message: 'expected records, wait, or both: nothing says when too many records wait' };
  } else if (rule.service === 'rabbitmq' && rule.atLeast > 1) {
    yield { path: `${path}.atLeast`, message: 'the dashboard has one connection to RabbitMQ: leave atLeast out' };
  }
}

function* checkNames(path: string, what: string, names: readonly string[], known: readonly string[]): Generator<Fault> {
  for (const [index, name] of names.entries()) yield* checkName(`${path}.${index}`, what, name, known);
}

function* checkName(path: string, what: string, name: string, known: readonly string[]): Generator<Fault> {
  if (known.includes(name)) return;
  const expected = known.length === 0 ? 'the file has none' : expectedOneOf(known);
  yield { path, message: `no ${what} "${name}": ${expected}`, about: name };
}

const ofAggregate = (name: string, from: string): string =>
  `"${name}" is an aggregate, whose rows are written when a group changes: watch "${from}", of which it is made`;
