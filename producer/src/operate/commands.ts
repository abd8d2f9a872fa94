import { count, describeError, FatalError } from '@tributary/shared';
import { ENDPOINT_COMMANDS, type EndpointCommand, type EndpointReport } from './control.js';

/** What can be asked about the endpoints: `list`, `status` and `checkpoints` only look, the others change something. */
export const ENDPOINT_REQUESTS = ['list', 'status', 'checkpoints', ...ENDPOINT_COMMANDS] as const;
export type EndpointRequest = (typeof ENDPOINT_REQUESTS)[number];

export interface EndpointCommandOptions {
  readonly command: EndpointRequest;
  /** The endpoint's id; `list` needs none. */
  readonly endpoint?: string | undefined;
  /** For `reset`: the version from which to poll again; everything unless given. */
  readonly since?: string | undefined;
  /** For `reset`: the checkpoint to go back to, by its name or its time. */
  readonly to?: string | undefined;
  /** The URL of any producer. The one that holds the endpoint does it. */
  readonly producerUrl: string;
  readonly adminToken: string;
  write(text: string): void;
}

/**
 * Sends a command to a producer, and writes the answer.
 * @throws FatalError if no producer answers, or if it refuses
 */
export async function runEndpointCommand(options: EndpointCommandOptions): Promise<void> {
  const { command, endpoint, since, to, producerUrl, adminToken, write } = options;
  const call = async (method: string, path: string) => await ask(new URL(path, producerUrl), method, adminToken);
  if (command === 'list') return write(table((await call('GET', '/endpoints')) as EndpointReport[]));
  if (endpoint === undefined) throw new FatalError('usage', `${command} which endpoint?`);
  const path = `/endpoints/${encodeURIComponent(endpoint)}`;
  if (!isChange(command)) {
    const report = (await call('GET', `${path}/status`)) as EndpointReport;
    return write(command === 'status' ? `${JSON.stringify(report, null, 2)}\n` : checkpointsIn(report));
  }
  const from = Object.entries({ since, to }).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`],
  );
  await call('POST', `${path}/${command}${from.length === 0 ? '' : `?${from.join('&')}`}`);
  write(`${endpoint}: ${command} is accepted\n`);
}

const isChange = (command: EndpointRequest): command is EndpointCommand =>
  ENDPOINT_COMMANDS.some((one) => one === command);

async function ask(url: URL, method: string, token: string): Promise<unknown> {
  const headers: Record<string, string> = token === '' ? {} : { authorization: `Bearer ${token}` };
  let response: Response;
  try {
    response = await fetch(url, { method, headers });
  } catch (cause) {
    const advice = 'is one running there? PRODUCER_URL names another';
    throw new FatalError('producer_away', `no producer answers at ${url.origin}: ${describeError(cause)}; ${advice}`);
  }
  const text = await response.text();
  if (response.ok) return JSON.parse(text);
  let said = text;
  try {
    said = (JSON.parse(text) as { error?: string }).error ?? text;
  } catch {
    // The server there is not a producer; its own words are shown.
  }
  const advice = response.status === 401 ? '; set ADMIN_TOKEN to the one that the producer was started with' : '';
  throw new FatalError('producer_refused', `${url.origin} answered ${response.status}: ${said}${advice}`);
}

function trouble({ retrying, lastRun, notDeleted }: EndpointReport): string {
  if (retrying !== undefined) {
    return `trying again, ${count(retrying.attempts, 'attempt')} failed: ${retrying.reason.slice(0, 100)}`;
  }
  if (lastRun?.error !== undefined) return lastRun.error.slice(0, 100);
  return notDeleted === undefined ? '' : `not deleted: ${notDeleted.reason}`;
}

function checkpointsIn({ endpoint, checkpoints = [] }: EndpointReport): string {
  if (checkpoints.length > 0) return aligned([['time', 'place'], ...checkpoints.map(({ at, name }) => [at, name])]);
  return `${endpoint} has no checkpoints: sources that follow a database have them where keep is set, such as keep: 1h\n`;
}

function table(reports: readonly EndpointReport[]): string {
  return aligned([
    ['endpoint', 'state', 'producer', 'last run', 'records', 'next run', 'error'],
    ...reports.map((report) => [
      report.endpoint,
      report.state,
      report.producer ?? '-',
      report.lastRun?.endedAt ?? '-',
      String(report.lastRun?.records ?? '-'),
      report.nextRun ?? '-',
      trouble(report),
    ]),
  ]);
}

function aligned(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const lineOf = (row: readonly string[]) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ');
  return rows.map((row) => `${lineOf(row).trimEnd()}\n`).join('');
}
