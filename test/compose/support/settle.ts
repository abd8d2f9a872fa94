import { expect } from 'vitest';
import { eventually } from '../../end-to-end/support/eventually.js';
import { attempt } from './command.js';
import type { Stack } from './stack.js';

/** Milliseconds for what is under way to land, on a machine that is busy with everything at once. */
const PATIENCE = 120_000;

/** What `npm run audit` is told of the sink. */
type Sink = Readonly<Record<string, string>>;

export const csv = ({ output }: Stack): Sink => ({ SINK: 'csv', OUTPUT_DIR: output });
export const postgres = ({ postgresUrl }: Stack): Sink => ({ SINK: 'postgres', POSTGRES_URL: postgresUrl });
export const postgresPair = ({ postgresPairUrl }: Stack): Sink => ({ SINK: 'postgres', POSTGRES_URL: postgresPairUrl });

/**
 * Lets the CRM change for a while, stops the changes, waits until everything has landed, and audits it: `npm run audit`
 * must find nothing wrong. Then the changes go on.
 * @param node a RabbitMQ that lives
 */
export async function expectNothingLostOrDoubled(stack: Stack, sink: Sink, node = 'rabbitmq'): Promise<void> {
  await admin(stack, 'changes?count=200');
  await admin(stack, 'pause');
  await eventually(async () => expect(await unserved(stack)).toEqual([]), 500, PATIENCE);
  await eventually(async () => expect(await queued(stack, node)).toEqual(EMPTY), 500, PATIENCE);
  // Empty queues are not the end: a producer may hold what it fetched while it looks for another RabbitMQ. What is lost
  // or doubled stays so, however often one looks.
  await eventually(() => expectCleanAudit(stack, sink), 1_000, PATIENCE);
  await admin(stack, 'resume');
}

async function expectCleanAudit({ crm }: Stack, sink: Sink): Promise<void> {
  // Not by Stack.run: the settings of the containers are not those of the host.
  const audit = await attempt('npm run --silent audit -- --json', { CRM_URL: crm, ...sink });
  expect(audit.stderr).toBe('');
  const { ok, audit: datasets } = JSON.parse(audit.stdout) as { ok: boolean; audit: Record<string, { found: number }> };
  expect(ok, audit.stdout).toBe(true);
  for (const dataset of ['customers', 'inventory', 'customer_inventory']) {
    expect(datasets[dataset]?.found, dataset).toBeGreaterThanOrEqual(50);
  }
}

async function admin({ crm }: Stack, path: string): Promise<void> {
  const response = await fetch(`${crm}/admin/${path}`, { method: 'POST' });
  if (!response.ok) throw new Error(`POST /admin/${path} answered ${response.status}`);
}

/** Keys of records that changed since a poll saw them last. */
async function unserved({ crm }: Stack): Promise<string[]> {
  const truth = (await (await fetch(`${crm}/admin/truth`)).json()) as Record<string, { records: Pending[] }>;
  return Object.values(truth).flatMap(({ records }) => records.filter(({ pending }) => pending).map(({ key }) => key));
}

interface Pending {
  readonly key: string;
  readonly pending: boolean;
}

const EMPTY = { customer_data: 0, 'customer_data.dead': 0, inventory_data: 0, 'inventory_data.dead': 0 };

/** The messages of each queue, those with a consumer included. */
async function queued(stack: Stack, node: string): Promise<Record<string, number>> {
  const list = await stack.compose(`exec -T ${node} rabbitmqctl --quiet --formatter json list_queues name messages`);
  const queues = JSON.parse(list) as { name: string; messages: number }[];
  return Object.fromEntries(queues.map(({ name, messages }) => [name, messages]));
}
