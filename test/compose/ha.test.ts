import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../end-to-end/support/eventually.js';
import { Arrivals } from './support/arrivals.js';
import { flowOf } from './support/dashboard.js';
import { etcdLeader, postgresPrimary, postgresRoles, queueLeader, redisMaster, replicasOf } from './support/quorums.js';
import { readmeCommand } from './support/readme.js';
import { expectNothingLostOrDoubled, postgresPair } from './support/settle.js';
import { useStack } from './support/stack.js';

const stack = useStack('-f docker-compose.yml -f docker-compose.cluster.yml -f docker-compose.ha.yml');
const up = readmeCommand('every server more than once');

/** Milliseconds that an outage is watched for at least: others may follow the first. */
const WATCH = 45_000;
/** Without a fault, rows come every two seconds (BATCH_INTERVAL). */
const FLOWS = 6_000;
const PATIENCE = 120_000;

const figures: string[] = [];
let arrivals: Arrivals;
beforeAll(() => {
  arrivals = new Arrivals(stack.postgresPairUrl);
});
afterAll(async () => {
  await arrivals.stop();
  console.log(
    ['| what dies under load | the longest time without a new row |', '| --- | --- |', ...figures].join('\n'),
  );
});

const flows = () => eventually(() => expect(arrivals.silence).toBeLessThan(FLOWS), 250, PATIENCE);
const seconds = (milliseconds: number) => `${(milliseconds / 1_000).toFixed(1)} s`;

/** Does it under load, waits until rows arrive again, and notes how long none did. */
async function outage(what: string, act: () => Promise<unknown>): Promise<void> {
  await flows();
  const began = Date.now();
  await act();
  await new Promise((resolve) => setTimeout(resolve, WATCH));
  await flows();
  figures.push(`| ${what} | ${seconds(arrivals.longestSilence(began))} |`);
  console.log(figures.at(-1));
}

/** All that was killed is back, and everybody is there that could take over. */
async function whole(): Promise<void> {
  await stack.run(up);
  await eventually(
    async () => {
      expect(Object.values(await postgresRoles(stack)).sort()).toEqual(['Leader', 'Sync Standby']);
      expect(await replicasOf(stack, await redisMaster(stack))).toBe(2);
    },
    1_000,
    PATIENCE,
  );
}

const zeros = (node?: string) => expectNothingLostOrDoubled(stack, postgresPair(stack), node);

test('comes up without a step before: two producers, three consumers, and every server more than once', async () => {
  const began = Date.now();
  await stack.run(up);
  figures.push(`| nothing: up, until everything is healthy | ${seconds(Date.now() - began)} |`);
  await whole();
  const { producers, consumers, broker } = await flowOf(stack);
  expect([producers.length, consumers.length, broker.connected]).toEqual([2, 3, true]);
  await outage('nothing', async () => {});
  await zeros();
});

test('goes on when the RabbitMQ node is killed that leads a queue and has the connections', async () => {
  const leader = await queueLeader(stack, 'customer_data');
  await outage(`RabbitMQ, the leader of a queue (${leader})`, () => stack.kill(leader));
  await zeros(leader === 'rabbitmq' ? 'rabbitmq-2' : 'rabbitmq');
  await whole();
});

test('goes on when the Redis master is killed, and the old one comes back as a replica', async () => {
  const old = await redisMaster(stack);
  await outage(`the Redis master (${old})`, () => stack.kill(old));
  expect(await redisMaster(stack)).not.toBe(old);
  await zeros();
  await whole();
  expect(await replicasOf(stack, old)).toBeUndefined();
});

test('goes on when the Postgres primary is killed, and the old one comes back as a standby', async () => {
  const old = await postgresPrimary(stack);
  await outage(`the Postgres primary (${old})`, () => stack.kill(old));
  expect(await postgresPrimary(stack)).not.toBe(old);
  await zeros();
  await whole();
  expect((await postgresRoles(stack))[old]).toBe('Sync Standby');
});

test('takes no row into a Redis master that is suspended, replaced, and wakes', async () => {
  const old = await redisMaster(stack);
  await outage(`the Redis master, suspended (${old})`, () => stack.compose(`pause ${old}`));
  expect(await redisMaster(stack)).not.toBe(old);
  await stack.compose(`unpause ${old}`);
  await zeros();
  await whole();
});

test('takes no row into a Postgres primary that is suspended, replaced, and wakes', async () => {
  const old = await postgresPrimary(stack);
  await outage(`the Postgres primary, suspended (${old})`, () => stack.compose(`pause ${old}`));
  await stack.compose(`unpause ${old}`);
  await zeros();
  await whole();
  expect((await postgresRoles(stack))[old]).toBe('Sync Standby');
});

test('has a Postgres primary step down that is cut off from the quorum, though the consumers and the standby reach it', async () => {
  const old = await postgresPrimary(stack);
  let join = async (): Promise<unknown> => undefined;
  await outage(`the Postgres primary, cut off from etcd alone (${old})`, async () => {
    join = await stack.cutOff(old, 'quorum');
  });
  await join();
  await zeros();
  await whole();
  expect((await postgresRoles(stack))[old]).toBe('Sync Standby');
});

test('notices nothing when the etcd is killed that leads the others', async () => {
  const leader = await etcdLeader(stack);
  const primary = await postgresPrimary(stack);
  await outage(`the etcd that leads (${leader})`, () => stack.kill(leader));
  expect(await postgresPrimary(stack)).toBe(primary);
  await zeros();
  await whole();
});

test('goes on when one of each kind dies at once: a RabbitMQ, the Redis master, the Postgres primary, a Sentinel, an etcd', async () => {
  const victims = [await queueLeader(stack, 'inventory_data'), await redisMaster(stack), await postgresPrimary(stack)];
  await outage(`${victims.join(', ')}, a Sentinel, an etcd, a producer, a consumer at once`, () =>
    Promise.all([...victims, 'sentinel-1', 'etcd-1', 'producer', 'consumer'].map((victim) => stack.kill(victim))),
  );
  await zeros(['rabbitmq', 'rabbitmq-2', 'rabbitmq-3'].find((node) => !victims.includes(node)));
  await whole();
  await zeros();
});

test('is stopped in good order, and up again: where it was', async () => {
  await stack.compose('stop producer consumer dashboard');
  await stack.compose(
    'stop postgres-1 postgres-2 etcd-1 etcd-2 etcd-3 redis redis-2 redis-3 sentinel-1 sentinel-2 sentinel-3',
  );
  await whole();
  await flows();
  await zeros();
});
