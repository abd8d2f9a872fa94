import { once } from 'node:events';
import { mkdtemp, readdir, readlink, rm, writeFile } from 'node:fs/promises';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@tributary/shared';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createDashboard, type Dashboard } from '../../src/index.js';
import { collect, partPath, sampleConfig, writePart } from '../sample.js';

const log = createLogger({ service: 'dashboard', instance: 'test', level: 'silent' });

describe('downloads that nobody reads', () => {
  let folder: string;
  let dashboard: Dashboard;
  const asked: ClientRequest[] = [];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'loads-'));
    const note = 'x'.repeat(900);
    await writePart(
      folder,
      Array.from({ length: 12_000 }, (_, index) => ({ key: `k${index}`, at: 1, values: { note } })),
    );
    const options = { port: 0, host: '127.0.0.1', instance: 'test', log, trustProxy: 1 as const };
    dashboard = createDashboard({ ...options, config: sampleConfig(folder), reading: 'open' });
    await dashboard.start();
    const indexed = async () => {
      const answer = await fetch(`${dashboard.url}/api/datasets`);
      expect(await answer.json()).toMatchObject({ datasets: [{ rows: 12_000, indexing: null }, {}, {}] });
    };
    await vi.waitFor(indexed, { interval: 100 });
  });
  afterAll(async () => {
    for (const one of asked) one.destroy();
    await dashboard.stop();
    await rm(folder, { recursive: true });
  });

  /** Asks for a download, and reads nothing of it. */
  const download = (from: string) => {
    const one = request(`${dashboard.url}/api/datasets/customers.csv`, { headers: { 'x-forwarded-for': from } });
    one.on('error', () => {}).end();
    asked.push(one);
    const begun = once(one, 'response').then(([answer]) => answer as IncomingMessage);
    begun.catch(() => {});
    return { one, begun };
  };
  const openParts = async () => {
    const files = await readdir('/proc/self/fd');
    const targets = await Promise.all(files.map((file) => readlink(`/proc/self/fd/${file}`).catch(() => '')));
    return targets.filter((target) => target === partPath(folder)).length;
  };

  it('take few places, leave one to others, wait in a queue, are refused in words beyond, and end when they are left', async () => {
    const greedy = Array.from({ length: 9 }, () => download('10.0.0.1'));
    const answers: { one: ClientRequest; answer: IncomingMessage }[] = [];
    for (const { one, begun } of greedy) void begun.then((answer) => answers.push({ one, answer })).catch(() => {});
    const statuses = () => answers.map(({ answer }) => answer.statusCode).sort();
    // Two run, and six wait.
    await vi.waitFor(() => expect(statuses()).toEqual([200, 200, 429]));
    const refused = answers.find(({ answer }) => answer.statusCode === 429)?.answer;
    expect(refused?.headers['retry-after']).toBe('10');
    expect(String(Buffer.concat(await collect<Buffer>(refused)))).toContain(
      '6 of your downloads wait already; try again in 10 s',
    );
    if (process.platform === 'linux') expect(await openParts()).toBeLessThanOrEqual(2);

    const other = await download('10.0.0.2').begun;
    expect(other.statusCode).toBe(200);
    // Pages are not kept waiting by downloads.
    const rows = await fetch(`${dashboard.url}/api/datasets/customers/rows`);
    expect(await rows.json()).toMatchObject({ total: 12_000 });

    answers.find(({ answer }) => answer.statusCode === 200)?.one.destroy();
    await vi.waitFor(() => expect(statuses()).toEqual([200, 200, 200, 429]));
    for (const { one } of greedy) one.destroy();
    const last = await download('10.0.0.1').begun;
    expect(last.statusCode).toBe(200);
  });
});

describe('places that readers hold who take a few bytes now and then', { timeout: 90_000 }, () => {
  let folder: string;
  let dashboard: Dashboard;
  const asked: ClientRequest[] = [];
  const dripping: NodeJS.Timeout[] = [];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'drips-'));
    const note = 'x'.repeat(900);
    const rows = Array.from({ length: 25_000 }, (_, index) => ({ key: `k${index}`, at: 1, values: { note } }));
    await writePart(folder, rows);
    const options = { port: 0, host: '127.0.0.1', instance: 'test', log, trustProxy: 1 as const };
    const auditLog = join(folder, 'audit.jsonl');
    dashboard = createDashboard({ ...options, config: sampleConfig(folder), reading: 'open', auditLog });
    await dashboard.start();
    const indexed = async () => {
      const answer = await fetch(`${dashboard.url}/api/datasets`);
      expect(await answer.json()).toMatchObject({ datasets: [{ rows: 25_000, indexing: null }, {}, {}] });
    };
    await vi.waitFor(indexed, { interval: 100 });
  }, 60_000);
  afterAll(async () => {
    for (const one of dripping) clearInterval(one);
    for (const one of asked) one.destroy();
    await dashboard.stop();
    await rm(folder, { recursive: true });
  });

  /** Takes two kilobytes a second. */
  const drip = async (path: string, from: string) => {
    const one = request(`${dashboard.url}${path}`, { headers: { 'x-forwarded-for': from }, agent: false });
    asked.push(one);
    one.on('error', () => {}).end();
    const [answer] = (await once(one, 'response')) as [IncomingMessage];
    answer.on('error', () => {});
    dripping.push(setInterval(() => void answer.read(1_024), 500));
  };

  it.concurrent.each(['/api/datasets/customers.csv', '/api/sql.csv?query=FROM+customers'])(
    'go to those who wait: %s',
    async (path) => {
      const holders = path.includes('sql') ? ['10.0.1.1', '10.0.1.2'] : ['10.0.2.1', '10.0.2.1', '10.0.2.2'];
      await Promise.all(holders.map((from) => drip(path, from)));
      const next = await fetch(`${dashboard.url}${path}`, { headers: { 'x-forwarded-for': '10.9.9.9' } });
      expect(next.status).toBe(200);
      expect((await next.arrayBuffer()).byteLength).toBeGreaterThan(20_000_000);
    },
  );
});

describe('requests behind others of their connection', { timeout: 60_000 }, () => {
  let folder: string;
  let dashboard: Dashboard;
  const sockets: Socket[] = [];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'behind-'));
    await writePart(folder, [{ key: 'k1', at: 1, values: {} }]);
    const options = { port: 0, host: '127.0.0.1', instance: 'test', log, trustProxy: 1 as const };
    dashboard = createDashboard({ ...options, config: sampleConfig(folder), reading: 'open' });
    await dashboard.start();
    const indexed = async () => {
      const answer = await fetch(`${dashboard.url}/api/datasets`);
      expect(await answer.json()).toMatchObject({ datasets: [{ rows: 1, indexing: null }, {}, {}] });
    };
    await vi.waitFor(indexed, { interval: 100 });
  });
  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    await dashboard.stop();
    await rm(folder, { recursive: true });
  });

  const send = (from: string, paths: readonly string[]) => {
    const socket = connect(Number(new URL(dashboard.url).port), '127.0.0.1');
    sockets.push(socket);
    socket.on('error', () => {});
    socket.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: ${from}\r\n\r\n`).join(''));
    return socket;
  };

  it.each(['/api/datasets/customers.csv', '/api/datasets/customers/rows'])(
    'take no place while a stream is before them, which never ends: %s',
    async (path) => {
      const held = ['10.0.0.1', '10.0.0.2'].map((from) => send(from, ['/api/live', path, path]));
      for (const socket of held) await once(socket, 'data');
      for (const from of ['10.0.0.1', '10.0.0.2', '10.0.0.3']) {
        const answer = await fetch(`${dashboard.url}${path}`, { headers: { 'x-forwarded-for': from } });
        expect(answer.status).toBe(200);
        await answer.text();
      }
    },
  );

  it('are answered in their order, and are too many at some time', async () => {
    const several = send('10.0.0.4', ['/api/session', '/api/datasets/customers/rows', '/api/openapi.json', '/none']);
    let text = '';
    several.on('data', (chunk) => {
      text += String(chunk);
    });
    const answers = () => [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
    await vi.waitFor(() => expect(answers()).toEqual(['200', '200', '200', '404']));
    const many = send('10.0.0.5', ['/api/live', ...Array.from({ length: 200 }, () => '/api/session')]).resume();
    if (!many.closed) await once(many, 'close');
  });
});

describe('answers that nobody reads', { timeout: 60_000 }, () => {
  let folder: string;
  let dashboard: Dashboard;
  const asked: ClientRequest[] = [];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unread-'));
    const auditLog = join(folder, 'audit.jsonl');
    const act = { at: '2026-11-28T12:00:00.000Z', who: 'ada', role: 'admin', from: 'shell', action: 'discard' };
    const line = JSON.stringify({ ...act, request: 'r', step: 'begun', why: 'x'.repeat(60_000) });
    await writeFile(auditLog, `${line}\n`.repeat(270));
    const options = { port: 0, host: '127.0.0.1', instance: 'test', log, trustProxy: 1 as const, auditLog };
    dashboard = createDashboard({ ...options, config: sampleConfig(folder), reading: 'open' });
    await dashboard.start();
  });
  afterAll(async () => {
    for (const one of asked) one.destroy();
    await dashboard.stop();
    await rm(folder, { recursive: true });
  });

  it('keep their place, so that no reader fills the memory with answers of megabytes', async () => {
    const statuses: (number | undefined)[] = [];
    const ask = (from: string) => {
      const one = request(`${dashboard.url}/api/audit?limit=1000`, { headers: { 'x-forwarded-for': from } });
      one.on('response', ({ statusCode }: IncomingMessage) => statuses.push(statusCode));
      one.on('error', () => {}).end();
      asked.push(one);
      return one;
    };
    for (let count = 0; count < 12; count++) ask('10.0.0.1');
    // One is held, and ten wait.
    await vi.waitFor(() => expect(statuses.toSorted()).toEqual([200, 429]));
    const [other] = (await once(ask('10.0.0.2'), 'response')) as [IncomingMessage];
    expect(other.statusCode).toBe(200);
    expect(statuses.filter((status) => status === 200)).toHaveLength(2);
    for (const one of asked) one.destroy();
    const [last] = (await once(ask('10.0.0.1'), 'response')) as [IncomingMessage];
    expect(last.statusCode).toBe(200);
  });
});
