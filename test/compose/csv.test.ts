import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { eventually } from '../end-to-end/support/eventually.js';
import { partsOf, readRows } from '../end-to-end/support/output.js';
import { readQueries } from '../observability/support/queries.js';
import { run } from './support/command.js';
import { flowOf } from './support/dashboard.js';
import { expectErased } from './support/erased.js';
import { type Connection, type ConsumerOfQueue, Management, type Queue } from './support/management.js';
import { jobsThatAnswer, query } from './support/prometheus.js';
import { readmeCommand } from './support/readme.js';
import { csv, expectNothingLostOrDoubled } from './support/settle.js';
import { useStack } from './support/stack.js';

const stack = useStack('--profile observability');
const OURS = ['mock-api', 'producer', 'consumer', 'dashboard'];
const EVERY_JOB = { consumer: 3, dashboard: 1, 'mock-api': 1, producer: 1, rabbitmq: 1 };
const DATASETS = ['customers', 'inventory', 'customer_inventory'];
const up = readmeCommand('rows in ./output');
const scaleTo3 = readmeCommand('three consumers');

test('comes up healthy within 90 s of the build, and rows arrive in an output folder that nobody prepared', async () => {
  const began = Date.now();
  await stack.run(up);
  expect(Date.now() - began).toBeLessThan(90_000);
  const states = (await stack.containers()).map(({ Config, State }) => [
    Config.Labels['com.docker.compose.service'],
    State.Health?.Status ?? `ended with ${State.ExitCode}`,
  ]);
  expect(Object.fromEntries(states)).toEqual({
    ...Object.fromEntries([...OURS, 'rabbitmq', 'redis'].map((service) => [service, 'healthy'])),
    output: 'ended with 0',
  });
  for (const dataset of DATASETS) {
    await eventually(() => expect(partsOf(stack.output, dataset)).not.toEqual([]));
  }
});

test('lets everybody on the host read the rows', () => {
  for (const name of ['.', ...DATASETS, ...readdirSync(stack.output, { recursive: true, encoding: 'utf8' })]) {
    const stat = statSync(join(stack.output, name));
    const readable = stat.isDirectory() ? 0o005 : 0o004;
    expect(stat.mode & readable, name).toBe(readable);
  }
});

test('runs its services as nobody in particular, on a file system that they cannot write, within limits', async () => {
  const containers = await stack.containers();
  for (const { Name, Config, HostConfig } of containers) {
    expect(HostConfig.Memory, Name).toBeGreaterThan(0);
    if (!OURS.includes(Config.Labels['com.docker.compose.service'] ?? '')) continue;
    expect({ user: Config.User, readOnly: HostConfig.ReadonlyRootfs, dropped: HostConfig.CapDrop }, Name).toEqual({
      user: 'node',
      readOnly: true,
      dropped: ['ALL'],
    });
  }
});

test('has images that hold nothing which npm left: it would make each build another image', async () => {
  const image = (await stack.compose('images --quiet consumer')).trim().split('\n')[0];
  expect(
    await run(`docker run --rm --user root ${image} find /tmp /root -mindepth 1 -path '*npm*' -o -path '/tmp/*'`),
  ).toBe('');
});

test('warns while its passwords are those of the compose file', async () => {
  for (const service of ['producer', 'consumer']) {
    const log = await stack.compose(`logs --no-color ${service}`);
    expect(log).toContain('a password that anybody can read in the sources');
    expect(log).not.toContain('tributary:tributary');
  }
});

test('shares the queues among three consumers, and the management UI names them all to a user who may only look', async () => {
  await stack.run(scaleTo3);
  const monitor = new Management(stack, 'monitor', 'monitor');
  const queues = await monitor.get<Queue[]>('queues');
  expect(queues.map(({ name, type }) => `${name} ${type}`).sort()).toEqual([
    'customer_data quorum',
    'customer_data.dead quorum',
    'inventory_data quorum',
    'inventory_data.dead quorum',
  ]);
  await eventually(async () => {
    const consumers = await monitor.get<ConsumerOfQueue[]>('consumers');
    for (const [queue, entity] of [
      ['customer_data', 'customer'],
      ['inventory_data', 'inventory'],
    ]) {
      const tags = consumers.filter((one) => one.queue.name === queue).map(({ consumer_tag }) => consumer_tag);
      expect(tags).toHaveLength(3);
      // A number follows once the prefetch has followed the size of packs.
      for (const tag of tags) expect(tag).toMatch(new RegExp(`^consumer [0-9a-f]{12} ${entity}( \\d+)?$`));
    }
    const names = (await monitor.get<Connection[]>('connections')).map((one) => one.client_properties.connection_name);
    expect(names.filter((name) => /^consumer [0-9a-f]{12}$/.test(name ?? ''))).toHaveLength(3);
    expect(names.filter((name) => /^producer [0-9a-f]{12}$/.test(name ?? ''))).not.toEqual([]);
  });
  expect(await monitor.change('PUT', 'queues/%2F/another')).toBe(401);
  expect(await monitor.change('DELETE', 'queues/%2F/customer_data/contents')).toBe(401);
});

test('starts Prometheus beside it', async () => {
  await stack.compose('up -d --wait prometheus');
});

test('loses and repeats nothing when a consumer is killed, and each has parts of its own', async () => {
  await stack.kill('consumer');
  await expectNothingLostOrDoubled(stack, csv(stack));
  await stack.run(scaleTo3);
  const writers = partsOf(stack.output, 'customers').map((name) => name.slice('part-'.length).split('-')[0]);
  expect(new Set(writers).size).toBeGreaterThanOrEqual(3);
});

test('loses and repeats nothing when RabbitMQ and Redis restart', async () => {
  await stack.compose('restart rabbitmq redis');
  await expectNothingLostOrDoubled(stack, csv(stack));
});

test('shows each of its containers on the dashboard', async () => {
  await eventually(async () => {
    const { consumers, producers, broker } = await flowOf(stack);
    expect(consumers.map(({ answers }) => answers)).toEqual([true, true, true]);
    expect(producers.map(({ answers }) => answers)).toEqual([true]);
    expect(broker.connected).toBe(true);
  });
});

test('has told Prometheus all that the Grafana dashboard asks for, and no alert fires', async () => {
  await eventually(async () => expect(await jobsThatAnswer(stack)).toEqual(EVERY_JOB));
  for (const { panel, expr } of readQueries()) {
    // What counts troubles has nothing to show when there are none.
    if (/ALERTS|_failures_total|_retries_total|_dead_letters_total/.test(expr)) continue;
    await eventually(async () => expect(await query(stack, expr), `${panel}: ${expr}`).not.toEqual([]));
  }
  await eventually(async () => expect(await query(stack, 'ALERTS{alertstate="firing"}')).toEqual([]));
});

test('lets one of two producers poll an endpoint, and the other one when that is killed', async () => {
  const holders = () => query(stack, 'sum by (endpoint) (tributary_poll_endpoint_held)');
  const heldOnce = async () => expect((await holders()).map(({ value }) => value[1])).toEqual(['1', '1']);
  await stack.run(readmeCommand('two producers'));
  await eventually(async () => expect(await jobsThatAnswer(stack)).toMatchObject({ producer: 2 }));
  await eventually(heldOnce);
  await stack.kill('producer');
  await expectNothingLostOrDoubled(stack, csv(stack));
});

test('loses and repeats nothing while it is scaled down', async () => {
  await stack.run(up);
  expect(await stack.containers('consumer')).toHaveLength(1);
  await expectNothingLostOrDoubled(stack, csv(stack));
});

test('finishes what it has begun when it is stopped, and goes on where it was', async () => {
  // Not the CRM: it lives in memory, and would be another one afterwards.
  await stack.compose('stop producer consumer dashboard rabbitmq redis');
  for (const service of ['producer', 'consumer', 'dashboard']) {
    for (const { Name, State } of await stack.containers(service)) {
      expect({ running: State.Running, exitCode: State.ExitCode }, Name).toEqual({ running: false, exitCode: 0 });
    }
  }
  await stack.run(up);
  await expectNothingLostOrDoubled(stack, csv(stack));
});

test('copies all of it while it runs, by a container that up does not start', async () => {
  expect(await stack.containers('tools')).toEqual([]);
  await stack.run(readmeCommand('a copy while it runs'));
  // For the user of the containers alone.
  expect(statSync(join(stack.folder, 'backup')).mode & 0o077).toBe(0);
});

test('puts it back where everything but the CRM is lost, and goes on without a record missing or double', async () => {
  await stack.loseAllBut('mock-api');
  expect(await stack.tools('restore /backup/first')).toContain('restored the backup');
  await stack.run(up);
  await expectNothingLostOrDoubled(stack, csv(stack));
  await stack.tools('audit-log verify');
});

test('erases a customer while it runs', async () => {
  await expectErased(stack, {}, () => readRows(stack.output, 'customers'));
});

test('goes away as the README says', async () => {
  await stack.run(readmeCommand('stops all of it'));
  expect(await stack.containers()).toEqual([]);
  expect(await run(`docker network ls --quiet --filter name=${stack.project}`)).toBe('');
});
