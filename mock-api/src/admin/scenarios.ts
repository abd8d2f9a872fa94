import type { Crm } from '../crm/crm.js';
import type { Outage } from '../faults/outage.js';
import { badRequest, Problem, quote } from '../problem.js';

/** What a scenario did. */
export interface ScenarioOutcome {
  readonly scenario: string;
  /** Records that changed. */
  readonly changed: number;
}

/** Reads a number from the scenario's query; `fallback` if the query does not have it. */
type Ask = (name: string, fallback: number, most: number) => number;

interface Scenario {
  /** For a button: what happens, in a few words. */
  readonly title: string;
  /** What happens, and which number of the query changes it. */
  readonly description: string;
  /** @returns how many records changed */
  run(crm: Crm, outage: Outage, ask: Ask): number;
}

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  burst: {
    title: 'A thousand changes at once',
    description: 'Records change all at once, as after a campaign or an import. count: how many (1000).',
    run(crm, _outage, ask) {
      const { customers, products } = crm.change(ask('count', 1_000, 100_000));
      return customers.length + products.length;
    },
  },
  'price-shock': {
    title: 'Every price rises by half',
    description: 'Every price becomes this share of what it was. percent: the share in percent (150).',
    run: (crm, _outage, ask) => crm.reprice(ask('percent', 150, 1_000) / 100),
  },
  'stock-out': {
    title: 'A third of the items sell out',
    description: 'The stock of one item in so many becomes 0. every: one item in how many (3).',
    run: (crm, _outage, ask) => crm.sellOut(Math.max(1, ask('every', 3, 1_000_000))),
  },
  'crm-outage': {
    title: 'The CRM is down for 30 seconds',
    description: 'The API answers every request with status 503. seconds: for how long (30); 0 ends it at once.',
    run(_crm, outage, ask) {
      outage.begin(ask('seconds', 30, 86_400));
      return 0;
    },
  },
  audit: {
    title: 'Every record is touched, none changes',
    description: 'Every record gets a new version (updatedAt), and its content stays as it was.',
    run: (crm) => crm.touchAll(),
  },
};

/** A scenario as a person chooses it. */
export interface ScenarioInWords {
  readonly name: string;
  readonly title: string;
  readonly description: string;
}

/** Every scenario, in words. */
export const listScenarios = (): readonly ScenarioInWords[] =>
  Object.entries(SCENARIOS).map(([name, { title, description }]) => ({ name, title, description }));

/** @throws Problem if there is no scenario of this name, or if the query holds something that is not a number */
export function runScenario(
  name: string,
  query: Readonly<Record<string, unknown>>,
  crm: Crm,
  outage: Outage,
): ScenarioOutcome {
  const scenario = Object.hasOwn(SCENARIOS, name) ? SCENARIOS[name] : undefined;
  if (scenario === undefined) {
    const known = Object.keys(SCENARIOS).join(', ');
    throw new Problem(404, 'scenario_unknown', `there is no scenario ${quote(name)}; expected one of ${known}`);
  }
  const ask: Ask = (parameter, fallback, most) => {
    const text = query[parameter];
    if (text === undefined) return fallback;
    const value = typeof text === 'string' && /^\d{1,9}$/.test(text) ? Number(text) : -1;
    if (value >= 0 && value <= most) return value;
    throw badRequest(`${parameter}_invalid`, `${parameter} must be a whole number up to ${most}, not ${quote(text)}`);
  };
  return { scenario: name, changed: scenario.run(crm, outage, ask) };
}
