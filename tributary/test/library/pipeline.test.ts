import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger, systemClock } from '@tributary/shared';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { PlainSink } from '../../../consumer/test/support/plain-sink.js';
import {
  createPipeline,
  type PipelineInput,
  type PipelineOptions,
  publish,
  type SinkContext,
} from '../../src/index.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-library-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const config: PipelineInput = {
  entities: { post: { dataset: 'posts', queue: 'posts', key: 'id', fields: { id: 'string' } } },
  endpoints: { blog: { url: 'http://127.0.0.1:1/', entity: 'post', retries: 0 } },
};
const output = (name: string): string => mkdtempSync(join(folder, `${name}-`));
const options = (): PipelineOptions => ({
  config,
  env: { PORT: '0' },
  logger: (service) => createLogger({ service, instance: 'test', level: 'silent' }),
  output: folder,
});

async function startPipeline(options: PipelineOptions) {
  const pipeline = createPipeline(options);
  await pipeline.start();
  return pipeline;
}

describe('createPipeline', () => {
  it('tells every fault of a pipeline that came as an object', async () => {
    const wrong = { ...config, batch: { size: 0 } };
    await expect(startPipeline({ ...options(), config: wrong })).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining('the pipeline has 1 fault:\n  batch.size'),
    });
  });

  it('refuses in words what a program gives wrongly, and goes on', async () => {
    const fields = { id: 'string', n: 'number?', at: 'datetime?' } as const;
    const entities = { post: { dataset: 'posts', queue: 'posts', key: 'id', fields } } as const;
    const pipeline = await startPipeline({ ...options(), config: { ...config, entities }, output: output('wrong') });
    const send = (record: unknown, timeout = 10_000, entity: unknown = 'post') =>
      pipeline.publish(entity as never, record as never, { durable: true, timeout });
    const wrong: readonly (readonly [() => unknown, string])[] = [
      [() => send({ id: 'a', n: Number.NaN }), 'record_refused'],
      [() => send({ id: 'a', at: new Date('no') }), 'record_refused'],
      [() => send({ id: 1n }), 'record_refused'],
      [() => send({ id: 'a' }, Number.NaN), 'timeout_invalid'],
      [() => send({ id: 'a' }, -1), 'timeout_invalid'],
      [() => send({ id: 'a' }, 10_000, null), 'record_refused'],
      [() => pipeline.query(null as never), 'query_invalid'],
      [() => pipeline.query('SELECT 1', { maxRows: Number.NaN }), 'query_invalid'],
      [() => pipeline.query('SELECT 1', { seconds: Infinity }), 'query_invalid'],
      [() => pipeline.query('SELECT 1', { memory: "1MB'" as never }), 'query_invalid'],
      [() => pipeline.query('SELECT 1', { memory: -5 }), 'query_invalid'],
      [async () => pipeline.on('nothing' as never, () => {}), 'event_unknown'],
      [async () => pipeline.on('__proto__' as never, () => {}), 'event_unknown'],
      [async () => pipeline.on('written', null as never), 'listener_invalid'],
    ];
    for (const [ask, code] of wrong) await expect(ask(), code).rejects.toMatchObject({ code });
    // One that no timer of Node can wait for ended at once.
    await send({ id: 'b', n: 1, at: new Date(0) }, Infinity);
    expect(await pipeline.stats()).toMatchObject({ rows: { posts: 1 } });
    await pipeline.stop();
    for (const late of [pipeline.once(), pipeline.run('blog'), pipeline.pause(), pipeline.query('SELECT 1')])
      await expect(late).rejects.toMatchObject({ code: expect.stringMatching(/^pipeline_/) });
  });

  it('polls once when it is asked, and tells a poll that failed in the summary', async () => {
    const pipeline = await startPipeline({ ...options(), schedule: false });
    const { polled, endpoints } = await pipeline.once();
    expect({ polled, endpoints }).toEqual({
      polled: 0,
      endpoints: [{ endpoint: 'blog', records: 0, error: expect.stringContaining('ECONNREFUSED') }],
    });
    await pipeline.stop();
  });

  it('ends a round that it is stopped in, and says so', async () => {
    const api = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => {
      api.closeAllConnections();
      api.close();
    });
    const asked = once(api, 'request');
    await once(api, 'listening');
    const url = `http://127.0.0.1:${(api.address() as AddressInfo).port}/`;
    const silent = { ...config, endpoints: { blog: { url, entity: 'post', retries: 0 } } };
    const pipeline = await startPipeline({
      ...options(),
      config: silent,
      output: output('stopped'),
      schedule: false,
    });
    const round = pipeline.once().catch((error: unknown) => error);
    await asked;
    await pipeline.stop();
    expect(await round).toMatchObject({ code: 'pipeline_stopped' });
  });

  it('takes records from its own program, and from others that have the token, and writes each once', async () => {
    const output = mkdtempSync(join(folder, 'published-'));
    const env = { PORT: '0', ADMIN_TOKEN: 'an-admin-token' };
    const quick: PipelineInput = { ...config, endpoints: {}, batch: { size: 1, interval: '100ms' } };
    const pipeline = await startPipeline({ ...options(), config: quick, env, output });
    onTestFinished(() => pipeline.stop());
    await pipeline.publish('post', { id: 'a' });
    const other = { env: { ...env, PRODUCER_URL: pipeline.urls.producer } };
    await publish('post', { id: 'b' }, other);
    await publish('post', { id: 'a' }, other);
    await expect(publish('post', { id: 7.5, extra: 1 }, other)).rejects.toThrow(
      /post 7.5: field "id".*it was not sent/,
    );
    await expect(publish('post', { id: 'c' }, { env: { ...other.env, ADMIN_TOKEN: '' } })).rejects.toThrow(
      /ADMIN_TOKEN/,
    );
    const keys = () => {
      const parts = existsSync(join(output, 'posts')) ? readdirSync(join(output, 'posts')) : [];
      const lines = parts.flatMap((name) =>
        readFileSync(join(output, 'posts', name), 'utf8')
          .trim()
          .split('\r\n')
          .slice(1),
      );
      return lines.map((line) => line.split(',')[0]).toSorted();
    };
    await vi.waitFor(() => expect(keys()).toEqual(['a', 'b']));
  });

  it('tells when a record is durable, at once though its batch would wait, and a query finds it then', async () => {
    const pipeline = await startPipeline({
      ...options(),
      config: { ...config, endpoints: {} },
      output: output('durable'),
    });
    onTestFinished(() => pipeline.stop());
    const told: unknown[] = [];
    pipeline.on('written', ({ dataset, rows }) => told.push(...rows.map(({ key }) => `${dataset} ${key}`)));
    const began = performance.now();
    await Promise.all(['a', 'b', 'a'].map((id) => pipeline.publish('post', { id }, { durable: true })));
    // A batch waits for 30 s.
    expect(performance.now() - began).toBeLessThan(25_000);
    expect(told.toSorted()).toEqual(['posts a', 'posts b']);
    const { rows, isCut } = await pipeline.query('SELECT id FROM posts ORDER BY id');
    expect({ rows, isCut }).toEqual({ rows: [{ id: 'a' }, { id: 'b' }], isCut: false });
    expect(await pipeline.query('SELECT id FROM posts', { maxRows: 1 })).toMatchObject({ isCut: true });
    await pipeline.publish('post', { id: 'a', _deleted: true }, { durable: true });
    expect((await pipeline.query('SELECT id FROM posts')).rows).toEqual([{ id: 'b' }]);
    await expect(pipeline.query('SELECT wrong FROM posts')).rejects.toMatchObject({ code: 'sql_wrong' });
    await expect(pipeline.publish('post', { id: 7.5, more: 1 }, { durable: true })).rejects.toThrow(/it was not sent/);
    await expect(pipeline.publish('page', { id: 'a' })).rejects.toThrow('there is no entity "page"');
    expect(await pipeline.stats()).toMatchObject({ published: 4, inFlight: 0, rows: { posts: 3 } });
  });

  it('polls what it is asked for, and tells what came of it', async () => {
    const asked: string[] = [];
    let records: unknown[] = [{ id: 'a', at: '2026-03-01T11:00:00Z' }, { id: 'b' }];
    const api = createServer(({ url = '' }, response) => {
      asked.push(url);
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(records));
    });
    await new Promise<void>((resolve) => {
      api.listen(0, '127.0.0.1', resolve);
    });
    onTestFinished(() => void api.close());
    const fields = { id: 'string', at: 'datetime' } as const;
    const url = `http://127.0.0.1:${(api.address() as AddressInfo).port}/`;
    const polled: PipelineInput = {
      entities: { post: { dataset: 'polled', queue: 'polled', key: 'id', version: 'at', fields } },
      endpoints: { blog: { url, entity: 'post', incremental: { parameter: 'since' } } },
      batch: { size: 1, interval: '100ms' },
    };
    const pipeline = createPipeline({ ...options(), config: polled, output: output('polled'), schedule: false });
    onTestFinished(() => pipeline.stop());
    const [dead, runs]: [unknown[], unknown[]] = [[], []];
    pipeline.on('dead', ({ endpoint, key, field }) => dead.push([endpoint, key, field]));
    pipeline.on('run', ({ endpoint, published }) => runs.push([endpoint, published]));
    await pipeline.start();
    expect(await pipeline.run('blog')).toMatchObject({ endpoint: 'blog', records: 2, published: 2 });
    await vi.waitFor(() => expect(dead).toEqual([['blog', 'b', 'at']]));
    records = [];
    await pipeline.run('blog');
    expect(asked.at(-1)).toMatch(/since=/);
    await pipeline.reset('blog');
    await pipeline.run('blog');
    expect(asked.at(-1)).not.toMatch(/since=/);
    expect(runs).toEqual([
      ['blog', 2],
      ['blog', 0],
      ['blog', 0],
    ]);
    await expect(pipeline.run('blag')).rejects.toThrow(
      'there is no endpoint "blag" that is enabled; expected one of: blog',
    );
    await expect(pipeline.reset('blag')).rejects.toMatchObject({ code: 'endpoint_unknown' });
    await vi.waitFor(() => expect(pipeline.health()).toEqual({ ready: true, problems: [] }));
  });

  it('polls no more on its schedules while it is paused, and polls what it is asked for all the same', async () => {
    let asked = 0;
    const api = createServer((_, response) => {
      asked += 1;
      response.setHeader('content-type', 'application/json');
      response.end('[]');
    });
    await new Promise<void>((resolve) => {
      api.listen(0, '127.0.0.1', resolve);
    });
    onTestFinished(() => void api.close());
    const url = `http://127.0.0.1:${(api.address() as AddressInfo).port}/`;
    const often: PipelineInput = {
      ...config,
      endpoints: { blog: { url, entity: 'post', schedule: { every: '200ms' } } },
    };
    const pipeline = await startPipeline({ ...options(), config: often, output: output('paused') });
    onTestFinished(() => pipeline.stop());
    await vi.waitFor(() => expect(asked).toBeGreaterThan(1));
    await pipeline.pause();
    const states = async () => (await pipeline.endpoints()).map(({ state }) => state);
    await vi.waitFor(async () => expect(await states()).toEqual(['paused']));
    await systemClock.sleep(500);
    const before = asked;
    await systemClock.sleep(700);
    expect(asked).toBe(before);
    expect(await pipeline.run('blog')).toMatchObject({ records: 0 });
    expect(asked).toBe(before + 1);
    await pipeline.resume('blog');
    await vi.waitFor(() => expect(asked).toBeGreaterThan(before + 2));
  });

  it('reads a source of its program, and writes to a sink of its program, across a second start', async () => {
    const sink = new PlainSink('a-sink-of-a-program');
    const own: PipelineInput = {
      ...config,
      endpoints: { list: { source: 'program', entity: 'post' } },
      sink: { type: 'program' },
    };
    const program = {
      config: own,
      sources: {
        list: () => ({
          countsPages: false,
          async *pages() {
            yield { records: [{ id: 'a' }, { id: 'b' }], fetchedAt: Date.now(), serverTime: undefined };
          },
        }),
      },
      sink: ({ datasets }: SinkContext) => {
        expect(datasets.map(({ name }) => name)).toEqual(['posts']);
        return sink;
      },
      schedule: false,
    };
    const once = async () => {
      const pipeline = await startPipeline({ ...options(), ...program, output: undefined });
      onTestFinished(() => pipeline.stop());
      const { polled, accepted, duplicate } = await pipeline.once();
      await expect(pipeline.query('SELECT * FROM posts')).rejects.toThrow(/sink of the program|asked in SQL/);
      await pipeline.stop();
      return { polled, accepted, duplicate };
    };
    expect(await once()).toEqual({ polled: 2, accepted: 2, duplicate: 0 });
    expect(await once()).toEqual({ polled: 2, accepted: 0, duplicate: 2 });
    expect(sink.keys('posts').toSorted()).toEqual(['a', 'b']);
    await expect(startPipeline({ ...options(), ...program, sink: undefined })).rejects.toThrow('createPipeline({ sink');
    await expect(startPipeline({ ...options(), ...program, sources: {} })).rejects.toThrow('createPipeline({ sources');
  });

  it('is not used before it is started, nor after it was stopped', async () => {
    const pipeline = createPipeline(options());
    expect(pipeline.health()).toEqual({ ready: false, problems: [{ service: 'pipeline', problem: 'not started' }] });
    await expect(pipeline.publish('post', { id: 'a' })).rejects.toThrow('await start() first');
    await pipeline.stop();
    await expect(pipeline.start()).rejects.toThrow('create another');
  });

  it('moves files away only when their records are durable, and how far it came is kept', async () => {
    const [place, output] = [mkdtempSync(join(folder, 'files-')), mkdtempSync(join(folder, 'rows-'))];
    const files: PipelineInput = {
      ...config,
      endpoints: {
        drop: {
          source: 'files',
          path: `${place}/in/*.csv`,
          entity: 'post',
          settle: '0ms',
          after: { move: `${place}/read` },
        },
      },
    };
    mkdirSync(join(place, 'in'));
    mkdirSync(join(output, '.tributary'));
    writeFileSync(join(place, 'in', '1.csv'), 'id\na\nb\n');
    // Nothing can be kept beside the rows: as if the process ended before.
    writeFileSync(join(output, '.tributary', 'marks'), 'a file is in the way');
    const first = await startPipeline({ ...options(), config: files, output, schedule: false });
    await expect(first.once()).rejects.toThrow();
    await first.stop();
    expect(readdirSync(join(place, 'in'))).toEqual(['1.csv']);
    rmSync(join(output, '.tributary', 'marks'));
    const second = await startPipeline({ ...options(), config: files, output, schedule: false });
    expect(await second.once()).toMatchObject({ polled: 2, duplicate: 2 });
    await second.stop();
    expect(readdirSync(join(place, 'read'))).toEqual(['1.csv']);
  });

  it('lets its services tell nothing without a token where looking at the dashboard needs one', async () => {
    const env = { PORT: '0', DASHBOARD_VIEWER_TOKEN: 'viewer-secret' };
    const pipeline = await startPipeline({ ...options(), env });
    onTestFinished(() => pipeline.stop());
    const { dashboard, producer, consumer } = pipeline.urls;
    const statusOf = async (url: string) => (await fetch(url)).status;
    expect(await statusOf(`${producer}/endpoints`)).toBe(401);
    expect(await statusOf(`${producer}/metrics`)).toBe(401);
    expect(await statusOf(`${consumer}/metrics`)).toBe(401);
    expect(await statusOf(`${dashboard}/metrics`)).toBe(401);
    // The dashboard itself can read them.
    const headers = { authorization: 'Bearer viewer-secret' };
    const flow = async () => await (await fetch(`${dashboard}/api/flow`, { headers })).json();
    const all = { producers: [{ answers: true }], consumers: [{ answers: true }] };
    await vi.waitFor(async () => expect(await flow()).toMatchObject(all));
  });

  it.each(['ADMIN_TOKEN', 'READ_TOKEN', 'DASHBOARD_VIEWER_TOKEN'])('refuses a short %s in words', async (name) => {
    const env = { PORT: '0', [name]: 'guess-it' };
    await expect(startPipeline({ ...options(), env })).rejects.toThrow(`${name}: a token has at least 12 characters`);
  });

  it('refuses to poll once what is polled on its schedule', async () => {
    const pipeline = await startPipeline(options());
    await expect(pipeline.once()).rejects.toThrow('schedule: false');
    await pipeline.stop();
  });

  it('goes on by its schedules from where a round before it had come, with Redis in memory both times', async () => {
    const asked: string[] = [];
    const api = createServer(({ url = '' }, response) => {
      asked.push(url);
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify([{ id: 'a', at: '2026-03-01T11:00:00Z' }]));
    });
    await new Promise<void>((resolve) => {
      api.listen(0, '127.0.0.1', resolve);
    });
    onTestFinished(() => void api.close());
    const fields = { id: 'string', at: 'datetime' } as const;
    const marked: PipelineInput = {
      entities: { post: { dataset: 'marked', queue: 'marked', key: 'id', version: 'at', fields } },
      endpoints: {
        blog: {
          url: `http://127.0.0.1:${(api.address() as AddressInfo).port}/`,
          entity: 'post',
          incremental: { parameter: 'since' },
        },
      },
    };
    const output = join(folder, 'marked');
    const round = await startPipeline({ ...options(), config: marked, output, schedule: false });
    await round.once();
    await round.stop();
    const live = await startPipeline({ ...options(), config: marked, output });
    await vi.waitFor(() => expect(asked).toHaveLength(2));
    expect(asked[1]).toMatch(/\?since=2026-03-01/);
    expect(live.marks).toBe('memory');
    await live.stop();
  });

  // Its connections are made while it is stopped, and the servers in memory go away; no error may be left to end the process.
  it.each([0, 2, 5, 10, 20, 40])('can be stopped %i ms after its start', async (delay) => {
    const pipeline = await startPipeline(options());
    await systemClock.sleep(delay);
    await pipeline.stop();
    expect((await pipeline.stats()).inFlight).toBe(0);
    await expect(pipeline.start()).rejects.toMatchObject({ code: 'pipeline_stopped' });
  });
});
