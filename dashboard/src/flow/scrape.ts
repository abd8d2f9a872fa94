import { lookup } from 'node:dns/promises';
import { describeError, type PipelineConfig, partsOf } from '@tributary/shared';
import { ask, LOOK_WITHIN, withToken } from '../http/ask.js';
import { type Metrics, parseMetrics } from './metrics-text.js';

/** What one instance of a service says of itself. */
export interface Scrape {
  readonly url: string;
  /** Its address, without anything secret. */
  readonly address: string;
  /** What it calls itself; null if it does not say. */
  readonly name: string | null;
  readonly answers: boolean;
  /** Why it is not ready, in words. */
  readonly problems: readonly string[];
  readonly metrics: Metrics;
}

/** Asks every instance behind these URLs: a name may stand for several (as `consumer` does under `--scale`). */
export async function scrapeAll(
  urls: readonly string[],
  config: PipelineConfig,
  token: string | undefined,
): Promise<Scrape[]> {
  const instances = await Promise.all(urls.map(instancesOf));
  return await Promise.all(instances.flat().map((url) => scrape(url, config, token)));
}

/** The instances that a URL stands for. */
export async function instancesOf(url: string): Promise<string[]> {
  const { protocol, hostname, port } = new URL(url);
  // A certificate is for a name, not for an address.
  if (protocol !== 'http:' || /^[\d.]+$|^\[/.test(hostname)) return [url];
  try {
    const found = await lookup(hostname, { all: true });
    const addresses = found.filter(({ family }, _index, all) => family === 4 || all.every((one) => one.family !== 4));
    const at = (address: string) => (address.includes(':') ? `[${address}]` : address);
    return addresses.map(({ address }) => `http://${at(address)}:${port || 80}`).sort();
  } catch {
    return [url];
  }
}

/** Services of several pipelines may run on one machine, and the first to start has the usual ports. */
function strangerIn(metrics: Metrics, config: PipelineConfig): string | undefined {
  const [info] = metrics.get('tributary_pipeline_info') ?? [];
  if (info === undefined) return undefined;
  const { pipeline = '', parts } = info.labels;
  if (pipeline === config.name && parts === partsOf(config)) return undefined;
  return `a service of another pipeline, "${pipeline}", answers there; PRODUCER_URL and CONSUMER_URL say where to look`;
}

/** Why a service tells nothing, by the status of its answer. */
const WITHOUT_TOKEN = 'it tells nothing without its READ_TOKEN: set the same for the dashboard';
const REFUSALS: Readonly<Record<number, string>> = {
  401: WITHOUT_TOKEN,
  403: WITHOUT_TOKEN,
  429: 'it takes no short token from this address for a while, for too many wrong ones came from here: who sends them? A READ_TOKEN of 22 and more random characters is taken all the same',
};

async function scrape(url: string, config: PipelineConfig, token: string | undefined): Promise<Scrape> {
  const address = new URL(url).host;
  try {
    const [metrics, readiness] = await Promise.all([
      ask(url, '/metrics', withToken(token)),
      ask(url, '/readyz', withToken(token)),
    ]);
    const problem = REFUSALS[metrics.status];
    if (problem !== undefined) {
      return { url, address, name: null, answers: false, problems: [problem], metrics: new Map() };
    }
    const { problems } = JSON.parse(await readiness.text()) as { problems?: unknown };
    const parsed = parseMetrics(await metrics.text());
    const stranger = strangerIn(parsed, config);
    if (stranger !== undefined)
      return { url, address, name: null, answers: false, problems: [stranger], metrics: new Map() };
    return {
      url,
      address,
      name: parsed.get('tributary_pipeline_info')?.[0]?.labels.name || null,
      answers: true,
      problems: Array.isArray(problems) ? problems.map(String) : [],
      metrics: parsed,
    };
  } catch (error) {
    return { url, address, name: null, answers: false, problems: [reasonOf(error)], metrics: new Map() };
  }
}

const reasonOf = (error: unknown): string =>
  error instanceof Error && error.name === 'TimeoutError' ? `no answer in ${LOOK_WITHIN} ms` : describeError(error);
