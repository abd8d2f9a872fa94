import { connect } from 'amqplib';
import { Client } from 'pg';
import { beforeAll, expect, inject, test } from 'vitest';
import { type PrivateService, uniqueName } from '../services/handle.js';
import { startLogicalPostgres } from '../services/postgres.js';
import { eventually } from './support/eventually.js';
import { readMetrics } from './support/metrics.js';
import { removeAtEnd } from './support/servers.js';
import { type RunningService, startService } from './support/services.js';
import { useStage } from './support/stage.js';

const stage = useStage();
const servers = { amqpUrl: inject('amqpUrl'), redisUrl: inject('redisUrl') };
const name = uniqueName('taken');
const queue = `${name}.things`;

/** How often a row is written, in milliseconds. */
const EVERY = 50;
/** docs/sources/postgres-changes.md promises 15 s, and tells what was measured. A machine that does much else is slower. */
const MOST = 40_000;
const TOKEN = 'a-token-of-this-test';

interface Arrival {
  readonly id: number;
  readonly at: number;
  /** The number of the run that published it: each producer that takes over begins a later one. */
  readonly run: number;
  readonly version: string;
}

const arrivals: Arrival[] = [];
let written = 0;
let server: PrivateService;
let database: Client;
const running = new Map<string, RunningService>();
let file: string;

const start = async (instance: string) => {
  const env = {
    ADMIN_TOKEN: TOKEN,
    AMQP_URL: servers.amqpUrl,
    REDIS_URL: servers.redisUrl,
    PIPELINE: file,
    INSTANCE_ID: instance,
  };
  running.set(instance, await startService(stage, 'producer', env));
};
const programOf = (instance: string) => {
  const service = running.get(instance);
  if (service === undefined) throw new Error(`${instance} was not started`);
  return service.program;
};
const urlOf = (instance: string) => running.get(instance)?.url ?? '';
const holds = async (instance: string) =>
  (await readMetrics(urlOf(instance))).sum('tributary_poll_endpoint_held') === 1;

/** The producer that has the endpoint, and the other one. */
const roles = () =>
  eventually(async () => {
    const names = [...running.keys()];
    const held = await Promise.all(names.map(holds));
    expect(held.filter(Boolean)).toHaveLength(1);
    const at = held.indexOf(true);
    return { holder: names[at] ?? '', other: names[1 - at] ?? '' };
  });

/** Resolves when so many more rows have come. */
const more = (count: number) => {
  const wanted = new Set(arrivals.map(({ id }) => id)).size + count;
  return eventually(() => expect(new Set(arrivals.map(({ id }) => id)).size).toBeGreaterThanOrEqual(wanted));
};

/** Stops the producer with a signal. @returns milliseconds until a row has come that was written since */
async function untilTaken(holder: string, signal: 'SIGKILL' | 'SIGSTOP'): Promise<number> {
  // One may have been on its way to the database.
  const [since, from] = [performance.now(), written + 1];
  programOf(holder).signal(signal);
  await eventually(() => expect(arrivals.some(({ id }) => id > from)).toBe(true));
  return (arrivals.find(({ id }) => id > from)?.at ?? 0) - since;
}

const sender = async () => {
  const { rows } = await database.query(
    `SELECT active_pid FROM pg_replication_slots WHERE starts_with(slot_name, '${name.replaceAll('-', '_')}')`,
  );
  return rows.map((row: { active_pid: number | null }) => row.active_pid);
};

beforeAll(async () => {
  server = await startLogicalPostgres();
  stage.atEnd('the Postgres that is followed', () => server.stop());
  database = new Client({ connectionString: server.url });
  database.on('error', () => {});
  await database.connect();
  stage.atEnd('the connection to it', () => database.end());
  await database.query('CREATE TABLE things (id int PRIMARY KEY, name text)');
  const pipeline = {
    name,
    entities: { thing: { dataset: 'things', queue, key: 'id', fields: { id: 'integer', name: 'string?' } } },
    endpoints: {
      things: {
        source: 'postgres-changes',
        url: server.url,
        table: 'things',
        slot: name.replaceAll('-', '_'),
        entity: 'thing',
        keep: '1h',
      },
    },
    // A message holds one record, so that each tells who published it.
    pack: { records: 1 },
  };
  file = stage.write(`${name}.yaml`, JSON.stringify(pipeline));
  removeAtEnd(stage, servers, name, [queue]);
  await start('one');
  await start('two');
  const connection = await connect(servers.amqpUrl);
  stage.atEnd('the connection to RabbitMQ', () => connection.close());
  const channel = await connection.createChannel();
  await eventually(async () => expect((await sender())[0]).toEqual(expect.any(Number)));
  await channel.consume(
    queue,
    (message) => {
      if (message === null) return;
      const { id } = JSON.parse(message.content.toString()) as { readonly id: number };
      const { run, version } = message.properties.headers ?? {};
      arrivals.push({ id, at: performance.now(), run: Number(run), version: String(version) });
    },
    { noAck: true },
  );
  let isOver = false;
  const writing = (async () => {
    while (!isOver) {
      await database.query('INSERT INTO things VALUES ($1, $2)', [written + 1, `row ${written + 1}`]);
      written += 1;
      await new Promise((resolve) => setTimeout(resolve, EVERY));
    }
  })();
  stage.atEnd('what writes rows', async () => {
    isOver = true;
    await writing.catch(() => {});
  });
  await more(10);
}, 240_000);

test('when the producer that streams is killed, the other one takes over', async () => {
  const { holder } = await roles();
  const took = await untilTaken(holder, 'SIGKILL');
  running.delete(holder);
  expect(took).toBeLessThan(MOST);
  await start(`${holder} again`);
});

test('when it stands still, the other one takes over, and it publishes and confirms nothing when it wakes', async () => {
  await more(100);
  const { holder, other } = await roles();
  const before = written + 1;
  const took = await untilTaken(holder, 'SIGSTOP');
  expect(took).toBeLessThan(MOST);
  await eventually(async () => expect(await holds(other)).toBe(true));
  const [run] = arrivals.map((one) => one.run).slice(-1);
  const [pid] = await sender();
  const seen = arrivals.length;
  programOf(holder).signal('SIGCONT');
  await eventually(async () => expect(await holds(holder)).toBe(false));
  await more(50);
  expect(await sender()).toEqual([pid]);
  // What it had handed to its socket before goes out by itself, and may have come a second time.
  expect(arrivals.slice(seen).filter((one) => one.run < (run ?? 0) && one.id > before)).toEqual([]);
  expect(await holds(other)).toBe(true);
  // None is missing, and one that came twice came again in the same order.
  const ids = new Set(arrivals.map(({ id }) => id));
  const last = Math.max(...ids);
  expect(Array.from({ length: last }, (_, index) => index + 1).filter((id) => !ids.has(id))).toEqual([]);
});

test('a reset to a checkpoint has the changes since come again, under the versions that they had', async () => {
  const { other } = await roles();
  const told = await eventually(async () => {
    const response = await fetch(`${urlOf(other)}/endpoints/things/status`, {
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    const { checkpoints = [] } = (await response.json()) as {
      readonly checkpoints?: readonly { readonly name: string }[];
    };
    expect(checkpoints).not.toEqual([]);
    return checkpoints;
  });
  const before = arrivals.length;
  const last = arrivals.at(-1);
  const response = await fetch(`${urlOf(other)}/endpoints/things/reset?to=${encodeURIComponent(told[0]?.name ?? '')}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}` },
  });
  expect(response.status).toBe(202);
  const again = await eventually(() => {
    const found = arrivals.slice(before).find(({ id }) => id === last?.id);
    expect(found).toBeDefined();
    return found;
  });
  expect(again?.version).toBe(last?.version);
});
