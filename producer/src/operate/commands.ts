import { parseArgs } from 'node:util';
import { describeError, FatalError, usageError } from '@tributary/shared';
import { COMMANDS, type EndpointReport } from './control.js';

export interface CommandOptions {
  /** What stands behind `npm run endpoints --`. */
  readonly args: readonly string[];
  /** Of any producer; the one that polls the endpoint heeds it. */
  readonly producerUrl: string;
  readonly adminToken: string;
  write(text: string): void;
}

export const USAGE = `npm run endpoints -- list                    every endpoint, how it is, when it polls next
npm run endpoints -- status ENDPOINT         one endpoint, as JSON
npm run endpoints -- run ENDPOINT            poll now
npm run endpoints -- pause ENDPOINT          poll no more, on any producer, until it is resumed
npm run endpoints -- resume ENDPOINT
npm run endpoints -- restart ENDPOINT        begin the poll anew, and forget that it failed
npm run reset -- ENDPOINT [--since VERSION]  forget how far it came: poll everything again, or everything since

PRODUCER_URL names a producer (http://127.0.0.1:8081); what changes something needs its ADMIN_TOKEN.
`;

/**
 * Asks a producer, and writes what it says.
 * @throws FatalError if it cannot be asked, or refuses
 */
export async function runCommand({ args, producerUrl, adminToken, write }: CommandOptions): Promise<void> {
  const { values, positionals } = parse(args);
  const [command = '', id] = positionals;
  const call = async (method: string, path: string) => await ask(new URL(path, producerUrl), method, adminToken);
  if (values.help) return write(USAGE);
  if (command === 'list') return write(table((await call('GET', '/endpoints')) as EndpointReport[]));
  const isChange = COMMANDS.some((one) => one === command);
  const known = ['list', 'status', ...COMMANDS];
  if (!known.includes(command))
    throw usageError(
      `expected one of ${known.join(', ')}, found ${command === '' ? 'nothing' : `"${command}"`}`,
      USAGE,
    );
  if (id === undefined) throw usageError(`${command} which endpoint?`, USAGE);
  const path = `/endpoints/${encodeURIComponent(id)}/${command}`;
  if (!isChange) return write(`${JSON.stringify(await call('GET', path), null, 2)}\n`);
  const since = values.since === undefined ? '' : `?since=${encodeURIComponent(values.since)}`;
  await call('POST', path + since);
  write(`${id}: ${command} is accepted; npm run endpoints -- status ${id} tells how it goes\n`);
}

function parse(args: readonly string[]) {
  try {
    const options = { since: { type: 'string' }, help: { type: 'boolean', default: false } } as const;
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw usageError(error, USAGE);
  }
}

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
    // What answers there is no producer; its own words tell best.
  }
  const advice = response.status === 401 ? '; set ADMIN_TOKEN to the one that the producer was started with' : '';
  throw new FatalError('producer_refused', `${url.origin} answered ${response.status}: ${said}${advice}`);
}

function table(reports: readonly EndpointReport[]): string {
  const rows = [
    ['endpoint', 'state', 'producer', 'last run', 'records', 'next run', 'error'],
    ...reports.map(({ endpoint, state, producer, lastRun, nextRun }) => [
      ...[endpoint, state, producer ?? '-', lastRun?.endedAt ?? '-'],
      ...[String(lastRun?.records ?? '-'), nextRun ?? '-', (lastRun?.error ?? '').slice(0, 100)],
    ]),
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
