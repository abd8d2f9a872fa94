import {
  addHealthRoutes,
  type Clock,
  createApp,
  createLogger,
  createRegistry,
  type Listening,
  type Logger,
  type LogOutput,
  listen,
  readInstance,
  type Service,
  type ServiceEnvironment,
  type ServiceProcess,
  systemClock,
} from '@tributary/shared';
import type { Express } from 'express';
import { addAdminRoutes } from './admin.js';
import { addApiRoutes } from './api.js';
import { type ChangeKind, CUSTOMER_KINDS, ITEM_KINDS } from './changes.js';
import { Crm } from './crm.js';
import { Faults } from './faults.js';
import { createMetrics } from './metrics.js';
import { addMisfortunes } from './misfortunes.js';
import { Pace } from './pace.js';
import { answerProblems, unknownPath } from './problem.js';
import { Outage } from './scenarios.js';
import { DEFAULT_SETTINGS, readSettings, type Settings } from './settings.js';

export interface MockApiOptions extends Partial<Settings> {
  readonly log: Logger;
  readonly clock?: Clock;
}

/** The mock CRM as a service. What it holds outlives a stop: started again, it goes on, and at the same port. */
export interface MockApi extends Service {
  /** Such as http://127.0.0.1:8080; of no use before `start`. @throws Error if it never started */
  readonly url: string;
}

/** A CRM to poll: deterministic from its seed, and never still. Records are computed when they are asked for. */
export function createMockApi(options: MockApiOptions): MockApi {
  const { log, clock = systemClock, ...settings } = { ...DEFAULT_SETTINGS, ...options };
  const registry = createRegistry('mock-api');
  const metrics = createMetrics(registry);
  const onChange = (collection: string) => metrics.changes.inc({ collection });
  const faults = new Faults(settings.faults, settings.seed);
  const crmClock = { now: () => clock.now() + faults.settings.clockSkew };
  const crm = new Crm({ ...settings, clock: crmClock, onChange });
  const outage = new Outage(clock);
  const pace = new Pace(settings.changesPerSecond, (count) => crm.change(count), clock);
  const streams = new Map(
    [...CUSTOMER_KINDS, ...ITEM_KINDS].map((kind) => [kind, new Pace(0, (count) => changeOf(crm, kind, count), clock)]),
  );

  const app = createApp();
  addHealthRoutes(app, registry, () => []);
  addMisfortunes(app, ['/customers', '/products'], faults, outage, clock);
  addApiRoutes(app, crm, faults, clock, metrics);
  addAdminRoutes(app, { crm, pace, streams, faults, outage });
  app.use(unknownPath, answerProblems(log));
  return new MockServer(app, settings, [pace, ...streams.values()], log);
}

/**
 * A mock CRM that is a process of its own, with its settings from the environment.
 * @param output where its log lines go; stdout unless given
 * @throws FatalError for settings that cannot be used
 */
export function mockApiProcess(env: ServiceEnvironment, output?: LogOutput): ServiceProcess {
  const settings = readSettings(env);
  const instance = readInstance(env);
  const log = createLogger({ service: 'mock-api', instance, level: env.LOG_LEVEL }, output);
  return { service: createMockApi({ ...settings, log }), log };
}

function changeOf(crm: Crm, kind: ChangeKind, count: number): void {
  for (let done = 0; done < count; done++) crm.changeKind(kind);
}

class MockServer implements MockApi {
  #listening: Listening | undefined;
  #address: Pick<Listening, 'url' | 'port'> | undefined;
  /** Starts and stops take turns, so that one called during another neither overtakes it nor returns before it. */
  #turn: Promise<void> = Promise.resolve();

  constructor(
    private readonly app: Express,
    private readonly settings: Settings,
    private readonly paces: readonly Pace[],
    private readonly log: Logger,
  ) {}

  get url(): string {
    if (this.#address === undefined) throw new Error('the mock CRM has no URL before it is started');
    return this.#address.url;
  }

  start(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#listening !== undefined) return;
      const { host, port, customers, items, seed, changesPerSecond } = this.settings;
      this.#listening = await listen(this.app, this.#address?.port ?? port, host);
      this.#address = this.#listening;
      for (const pace of this.paces) pace.start();
      this.log.info({ url: this.url, customers, items, seed, changesPerSecond }, 'the mock CRM is up');
    });
  }

  stop(): Promise<void> {
    return this.#inTurn(async () => {
      const listening = this.#listening;
      this.#listening = undefined;
      await Promise.all(this.paces.map((pace) => pace.stop()));
      await listening?.close();
    });
  }

  #inTurn(step: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(step);
    this.#turn = turn.catch(() => {});
    return turn;
  }
}
