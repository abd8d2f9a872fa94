import {
  addRoutes,
  type Clock,
  createApp,
  createLogger,
  createRegistry,
  healthRoutes,
  type Listening,
  type Logger,
  type LogOutput,
  listen,
  readInstance,
  type Service,
  type ServiceEnvironment,
  ServiceGuard,
  type ServiceProcess,
  systemClock,
} from '@tributary/shared';
import type { Express } from 'express';
import { addAdminRoutes } from './admin/routes.js';
import { addApiRoutes } from './api/routes.js';
import { type ChangeKind, CUSTOMER_KINDS, ITEM_KINDS } from './crm/changes.js';
import { Crm } from './crm/crm.js';
import { Pace } from './crm/pace.js';
import { Faults } from './faults/faults.js';
import { injectFaults } from './faults/inject.js';
import { Outage } from './faults/outage.js';
import { createMetrics } from './metrics.js';
import { answerProblems, unknownPath } from './problem.js';
import { DEFAULT_SETTINGS, readSettings, type Settings } from './settings.js';

export interface MockApiOptions extends Partial<Settings> {
  readonly log: Logger;
  readonly clock?: Clock;
}

/** The mock CRM as a service. It can be started again after a stop, at the same port and with the same records. */
export interface MockApi extends Service {
  /** Such as http://127.0.0.1:8080. @throws Error before the first `start` */
  readonly url: string;
}

/** A CRM to poll. Its records depend on its seed only, and change all the time. Each is computed when it is read. */
export function createMockApi(options: MockApiOptions): MockApi {
  return new MockApiService(options);
}

/**
 * A mock CRM as a process of its own, with its settings from the environment.
 * @param output where its log lines go; stdout unless given
 * @throws FatalError for settings that cannot be used
 */
export function mockApiProcess(env: ServiceEnvironment, output?: LogOutput): ServiceProcess {
  const settings = readSettings(env);
  const instance = readInstance(env);
  const log = createLogger({ service: 'mock-api', instance, level: env.LOG_LEVEL }, output);
  return { service: createMockApi({ ...settings, log }), log };
}

class MockApiService implements MockApi {
  readonly #app: Express;
  readonly #settings: Settings;
  readonly #log: Logger;
  /** The paces of the changes: of all kinds together, and of each kind. */
  readonly #paces: readonly Pace[];
  #listening: Listening | undefined;
  #address: Pick<Listening, 'url' | 'port'> | undefined;
  /** Starts and stops run one after the other: one that is called during another neither overtakes it nor returns early. */
  #turn: Promise<void> = Promise.resolve();

  constructor(options: MockApiOptions) {
    const { log, clock = systemClock, ...settings } = { ...DEFAULT_SETTINGS, ...options };
    const registry = createRegistry('mock-api');
    const metrics = createMetrics(registry);
    const faults = new Faults(settings.faults, settings.seed);
    const crm = new Crm({
      ...settings,
      clock: { now: () => clock.now() + faults.settings.clockSkew },
      onChange: (collection) => metrics.changes.inc({ collection }),
    });
    const outage = new Outage(clock);
    const pace = new Pace(settings.changesPerSecond, (count) => crm.change(count), clock);
    const streams = new Map(
      [...CUSTOMER_KINDS, ...ITEM_KINDS].map((kind) => [
        kind,
        new Pace(0, (count) => changeKind(crm, kind, count), clock),
      ]),
    );
    this.#settings = settings;
    this.#log = log;
    this.#paces = [pace, ...streams.values()];
    this.#app = createApp();
    // What it holds is made up, and for anybody.
    const guard = new ServiceGuard({ reading: 'open' });
    addRoutes(
      this.#app,
      guard,
      healthRoutes(registry, () => []),
    );
    injectFaults(this.#app, ['/customers', '/products'], faults, outage, clock);
    addApiRoutes(this.#app, crm, faults, clock, metrics);
    addAdminRoutes(this.#app, { crm, pace, streams, faults, outage });
    this.#app.use(unknownPath, answerProblems(log));
  }

  get url(): string {
    if (this.#address === undefined) throw new Error('the mock CRM has no URL before it is started');
    return this.#address.url;
  }

  start(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#listening !== undefined) return;
      const { host, port, customers, items, seed, changesPerSecond } = this.#settings;
      this.#listening = await listen(this.#app, this.#address?.port ?? port, host);
      this.#address = this.#listening;
      for (const pace of this.#paces) pace.start();
      this.#log.info({ url: this.url, customers, items, seed, changesPerSecond }, 'the mock CRM is up');
    });
  }

  stop(): Promise<void> {
    return this.#inTurn(async () => {
      const listening = this.#listening;
      this.#listening = undefined;
      await Promise.all(this.#paces.map((pace) => pace.stop()));
      await listening?.close();
    });
  }

  #inTurn(step: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(step);
    this.#turn = turn.catch(() => {});
    return turn;
  }
}

function changeKind(crm: Crm, kind: ChangeKind, count: number): void {
  for (let done = 0; done < count; done++) crm.changeKind(kind);
}
