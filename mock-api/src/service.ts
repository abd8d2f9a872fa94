import {
  addHealthRoutes,
  type Clock,
  createApp,
  createRegistry,
  type Listening,
  type Logger,
  listen,
  type Service,
  systemClock,
} from '@tributary/shared';
import type { Express } from 'express';
import { addAdminRoutes } from './admin.js';
import { addApiRoutes } from './api.js';
import { Crm } from './crm.js';
import { createMetrics } from './metrics.js';
import { Pace } from './pace.js';
import { answerProblems, unknownPath } from './problem.js';
import { DEFAULT_SETTINGS, type Settings } from './settings.js';

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
  const crm = new Crm({ ...settings, clock, onChange });
  const pace = new Pace(settings.changesPerSecond, (count) => crm.change(count), clock);

  const app = createApp();
  addHealthRoutes(app, registry, () => []);
  addApiRoutes(app, crm, clock, metrics);
  addAdminRoutes(app, crm, pace);
  app.use(unknownPath, answerProblems(log));
  return new MockServer(app, settings, pace, log);
}

class MockServer implements MockApi {
  #listening: Promise<Listening> | undefined;
  #last: Listening | undefined;

  constructor(
    private readonly app: Express,
    private readonly settings: Settings,
    private readonly pace: Pace,
    private readonly log: Logger,
  ) {}

  get url(): string {
    if (this.#last === undefined) throw new Error('the mock CRM has no URL before it is started');
    return this.#last.url;
  }

  async start(): Promise<void> {
    if (this.#listening !== undefined) return void (await this.#listening);
    const listening = listen(this.app, this.#last?.port ?? this.settings.port, this.settings.host);
    this.#listening = listening;
    try {
      this.#last = await listening;
    } catch (error) {
      this.#listening = undefined;
      throw error;
    }
    // Stopped in the meantime.
    if (this.#listening !== listening) return;
    this.pace.start();
    const { customers, items, seed, changesPerSecond } = this.settings;
    this.log.info({ url: this.url, customers, items, seed, changesPerSecond }, 'the mock CRM is up');
  }

  async stop(): Promise<void> {
    const listening = this.#listening;
    this.#listening = undefined;
    await this.pace.stop();
    await (await listening)?.close();
  }
}
