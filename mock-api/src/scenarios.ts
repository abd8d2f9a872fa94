import type { Clock } from '@tributary/shared';
import type { Crm } from './crm.js';
import { badRequest, Problem, quote } from './problem.js';

/** While it lasts, clients get nothing but 503. */
export class Outage {
  #until = 0;
  readonly #clock: Pick<Clock, 'now'>;

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  begin(seconds: number): void {
    this.#until = this.#clock.now() + seconds * 1_000;
  }

  /** 0 if there is none. */
  secondsLeft(): number {
    return Math.max(0, Math.ceil((this.#until - this.#clock.now()) / 1_000));
  }
}

/** What a scenario did. */
export interface ScenarioOutcome {
  readonly scenario: string;
  /** Records that changed. */
  readonly changed: number;
}

/** A number in the query of a scenario, or what it is without one. */
type Ask = (name: string, fallback: number, most: number) => number;

const SCENARIOS: Readonly<Record<string, (crm: Crm, outage: Outage, ask: Ask) => number>> = {
  /** A campaign, an import: `count` changes at once. */
  burst(crm, _outage, ask) {
    const { customers, products } = crm.change(ask('count', 1_000, 100_000));
    return customers.length + products.length;
  },
  /** Every price rises (or falls) to `percent` of what it was. */
  'price-shock': (crm, _outage, ask) => crm.reprice(ask('percent', 150, 1_000) / 100),
  /** Nothing is left of one item in `every`. */
  'stock-out': (crm, _outage, ask) => crm.sellOut(Math.max(1, ask('every', 3, 1_000_000))),
  /** The CRM is down for so many `seconds`; 0 ends it. */
  'crm-outage'(_crm, outage, ask) {
    outage.begin(ask('seconds', 30, 86_400));
    return 0;
  },
  /** Every record is touched: it has a new version, and is what it was. */
  audit: (crm) => crm.touchAll(),
};

/** @throws Problem if there is no such scenario, or a number of it is none */
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
  return { scenario: name, changed: scenario(crm, outage, ask) };
}
