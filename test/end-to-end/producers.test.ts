import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import { uniqueName } from '../services/handle.js';
import { eventually } from './support/eventually.js';
import { readMetrics } from './support/metrics.js';
import { removeAtEnd } from './support/servers.js';
import { type RunningService, startService } from './support/services.js';
import { useStage } from './support/stage.js';

const stage = useStage();
const servers = { amqpUrl: inject('amqpUrl'), redisUrl: inject('redisUrl') };
const ENDPOINTS = ['a', 'b', 'c', 'd', 'e', 'f'];

/** How often each is polled, in milliseconds. */
const INTERVAL = 1_000;

interface Poll {
  readonly begun: number;
  readonly ended: number;
}

/** Notes when each endpoint is polled; an answer takes a moment, so that polls of two producers would overlap. */
async function startApi() {
  const polls = new Map<string, Poll[]>(ENDPOINTS.map((id) => [id, []]));
  const server = createServer(async (request, response) => {
    const begun = performance.now();
    await sleep(50);
    polls.get((request.url ?? '').slice(1))?.push({ begun, ended: performance.now() });
    response.end('[]');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stage.atEnd('the API', () => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, polls };
}

describe('producers that share the endpoints', () => {
  const name = uniqueName('shared');
  const running = new Map<string, RunningService>();
  let api: Awaited<ReturnType<typeof startApi>>;
  let file: string;

  const start = async (instance: string) => {
    const service = await startService(stage, 'producer', {
      AMQP_URL: servers.amqpUrl,
      REDIS_URL: servers.redisUrl,
      PIPELINE: file,
      INSTANCE_ID: instance,
    });
    running.set(instance, service);
  };
  const program = (instance: string) => {
    const service = running.get(instance);
    if (service === undefined) throw new Error(`${instance} was not started`);
    return service.program;
  };
  const held = async (instance: string) =>
    (await readMetrics(running.get(instance)?.url ?? '')).sum('tributary_poll_endpoint_held');
  const expectHeld = (instance: string, count: number) =>
    eventually(async () => expect(await held(instance)).toBe(count));
  /** Resolves when every endpoint has been polled once more, twice over. */
  const untilPolledAgain = async () => {
    const since = performance.now();
    await eventually(() => {
      for (const id of ENDPOINTS) {
        const later = api.polls.get(id)?.filter(({ begun }) => begun > since) ?? [];
        expect([id, later.length]).toEqual([id, expect.any(Number)]);
        expect(later.length).toBeGreaterThanOrEqual(2);
      }
    });
    return performance.now() - since;
  };
  /** Polls of one endpoint at the same time: two producers take it for theirs. */
  const overlaps = () =>
    [...api.polls].flatMap(([id, polls]) =>
      polls.slice(1).flatMap(({ begun }, index) => (begun < (polls[index]?.ended ?? 0) ? [{ id, begun }] : [])),
    );
  /**
   * Endpoints that were polled more often than their schedule has it. A busy machine polls late, and then on time again, so
   * the distance between two polls proves nothing; their number does. A poll that a kill cut short is made again.
   */
  const tooOften = () =>
    [...api.polls].flatMap(([id, polls]) => {
      const span = (polls.at(-1)?.begun ?? 0) - (polls[0]?.begun ?? 0);
      const most = Math.floor(span / INTERVAL) + 3;
      return polls.length > most ? [{ id, polls: polls.length, most }] : [];
    });

  beforeAll(async () => {
    api = await startApi();
    const queue = `${name}.things`;
    removeAtEnd(stage, servers, name, [queue]);
    const endpoint = (id: string) => ({
      url: `${api.url}/${id}`,
      entity: 'thing',
      schedule: { every: `${INTERVAL}ms` },
    });
    const pipeline = {
      name,
      entities: { thing: { dataset: 'things', queue, key: 'id', fields: { id: 'string' } } },
      endpoints: Object.fromEntries(ENDPOINTS.map((id) => [id, endpoint(id)])),
    };
    file = stage.write(`${name}.yaml`, JSON.stringify(pipeline));
    await start('one');
    await expectHeld('one', 6);
  });

  test('a second producer takes half of them, and none is polled twice', async () => {
    await untilPolledAgain();
    await start('two');
    await expectHeld('two', 3);
    await expectHeld('one', 3);
    await untilPolledAgain();
    expect([overlaps(), tooOften()]).toEqual([[], []]);
  });

  test('what a killed producer polled is polled by the other within 15 s', async () => {
    program('one').signal('SIGKILL');
    const took = await untilPolledAgain();
    expect(took).toBeLessThan(15_000);
    await expectHeld('two', 6);
  });

  test('a producer that stood still, and wakes when its endpoints are another one’s, polls none of them', async () => {
    await start('three');
    await expectHeld('three', 3);
    await expectHeld('two', 3);
    program('two').signal('SIGSTOP');
    await expectHeld('three', 6);
    program('two').signal('SIGCONT');
    await expectHeld('two', 3);
    await untilPolledAgain();
  });

  test('a producer that stops in good order hands its endpoints over at once', async () => {
    const { code } = await program('three').stop();
    expect(code).toBe(0);
    await expectHeld('two', 6);
    await untilPolledAgain();
  });

  test('no endpoint was ever polled twice at a time, or more often than its schedule has it', () => {
    expect(Math.min(...[...api.polls.values()].map(({ length }) => length))).toBeGreaterThan(5);
    expect([overlaps(), tooOften()]).toEqual([[], []]);
  });
});
