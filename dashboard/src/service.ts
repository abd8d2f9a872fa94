import {
  type Clock,
  type Listening,
  type Logger,
  listen,
  type PipelineConfig,
  ReleaseList,
  type Service,
  systemClock,
} from '@tributary/shared';
import { createDashboardApp } from './app.js';
import { createCsvReader } from './readers/csv.js';

export interface DashboardOptions {
  readonly config: PipelineConfig;
  /** 0 for any free port. */
  readonly port: number;
  readonly host: string;
  readonly instance: string;
  readonly log: Logger;
  readonly clock?: Clock;
}

export interface Dashboard extends Service {
  /** Where the page is; empty before `start`. */
  readonly url: string;
}

const CSV_ONLY =
  'the dashboard reads CSV sinks for now, and this pipeline writes to Postgres: look at its tables with psql, or set sink.type to csv';

/** The dashboard as a service, for `main.ts` and for embedded mode. `start` resolves when the page can be opened. */
export function createDashboard({
  config,
  port,
  host,
  instance,
  log,
  clock = systemClock,
}: DashboardOptions): Dashboard {
  const reader = config.sink.type === 'csv' ? createCsvReader(config, clock, log) : undefined;
  const about = { sink: reader === undefined ? 'Postgres' : `CSV files in ${config.sink.csv.directory}`, instance };
  const releases = new ReleaseList();
  let starting: Promise<Listening> | undefined;
  let url = '';

  async function open(): Promise<Listening> {
    if (reader === undefined) log.warn(CSV_ONLY);
    else {
      releases.add('the reader', () => reader.close());
      reader.start();
    }
    const server = await listen(createDashboardApp({ reader, about, unsupported: CSV_ONLY, log }), port, host);
    releases.add('the HTTP server', () => server.close());
    url = server.url;
    log.info({ url }, `the dashboard is at ${url}`);
    return server;
  }

  return {
    get url() {
      return url;
    },
    async start() {
      starting ??= open();
      await starting;
    },
    async stop() {
      await starting?.catch(() => {});
      await releases.release();
    },
  };
}
