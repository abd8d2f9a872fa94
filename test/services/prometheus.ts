import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { findOrInstall } from './apt.js';
import { onPath, searchPath } from './binaries.js';
import { type PrivateService, type Say, sayOnConsole } from './handle.js';
import { freePort } from './ports.js';
import { runPrivately } from './private-server.js';

/** One series that Prometheus answers with. */
export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [time: number, value: string];
}

export interface PrivatePrometheus extends PrivateService {
  /** @throws Error with what Prometheus says against the query */
  query(expr: string): Promise<readonly Sample[]>;
}

export interface PrometheusOptions {
  /** The folder of prometheus.yml and the rules. */
  readonly folder: string;
  /** By job of its scrape_configs, who is read in place of those of docker compose: host and port of each. */
  readonly targets: Readonly<Record<string, readonly string[]>>;
  /** What is read with. */
  readonly token?: string | undefined;
}

/** Labels that Prometheus gives whatever it reads in Kubernetes. */
const LABELS = { namespace: 'tributary' };

interface Settings {
  readonly scrape_configs: readonly { readonly job_name: string }[];
}

/**
 * A Prometheus of the test's own, with our scrape configuration and rules: it reads other addresses, and each second.
 * @throws Error for a job that the configuration does not have
 */
export async function startPrivatePrometheus(
  { folder: source, targets, token }: PrometheusOptions,
  say: Say = sayOnConsole,
): Promise<PrivatePrometheus> {
  const command = await findOrInstall(() => onPath('prometheus'), ['prometheus'], say);
  const settings = parse(readFileSync(join(source, 'prometheus.yml'), 'utf8')) as Settings;
  const missing = Object.keys(targets).filter(
    (job) => !settings.scrape_configs.some(({ job_name }) => job_name === job),
  );
  if (missing.length > 0) throw new Error(`prometheus.yml has no job ${missing.join(', ')}`);
  const scrapes = settings.scrape_configs.map(({ job_name, ...rest }) => {
    const { dns_sd_configs: _dns, static_configs: _static, ...more } = rest as Record<string, unknown>;
    const authorization = token === undefined ? {} : { authorization: { credentials: token } };
    return {
      ...more,
      ...authorization,
      job_name,
      static_configs: [{ targets: targets[job_name] ?? [], labels: LABELS }],
    };
  });
  const config = {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: [join(source, 'alerts.yml')],
    scrape_configs: scrapes,
  };
  const server = await runPrivately(async (folder) => {
    const port = await freePort();
    // JSON is YAML.
    writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(config));
    return {
      name: 'Prometheus',
      url: `http://127.0.0.1:${port}`,
      how: `${command}, run privately on port ${port}`,
      command,
      args: [
        `--config.file=${join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--log.level=warn',
      ],
      env: { PATH: searchPath, GOMAXPROCS: '2' },
      stopSignal: 'SIGTERM' as const,
      check: async (url) => {
        const { ok, status } = await fetch(`${url}/-/ready`);
        if (!ok) throw new Error(`/-/ready answers ${status}`);
      },
    };
  });
  return { ...server, query: (expr) => query(server.url, expr) };
}

interface Answer {
  readonly status: string;
  readonly error?: string;
  readonly data?: { readonly result: readonly Sample[] };
}

async function query(url: string, expr: string): Promise<readonly Sample[]> {
  const response = await fetch(`${url}/api/v1/query?${new URLSearchParams({ query: expr })}`);
  const { status, error, data } = (await response.json()) as Answer;
  if (status !== 'success') throw new Error(`${expr}: ${error}`);
  return data?.result ?? [];
}
