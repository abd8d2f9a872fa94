import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { loadPipeline } from '@tributary/shared';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cli } from './support.js';

let folder: string;
let AUDIT_LOG: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-cli-'));
  AUDIT_LOG = join(folder, 'audit.jsonl');
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const audited = () =>
  readFileSync(AUDIT_LOG, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe('init', () => {
  it('writes a pipeline that is valid, and says what to do with it', async () => {
    const file = join(folder, 'mine.yaml');
    const { code, stdout, stderr } = await cli(['init', file], { installed: true });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(`npx tributary start --once --config ${file}`);
    expect(Object.keys(loadPipeline(file, {}).endpoints)).toEqual(['crm-customers', 'crm-products']);
    const check = await cli(['check', file]);
    expect(check).toMatchObject({ code: 0, stdout: expect.stringContaining(`${file} is valid: 2 endpoints`) });
  });

  it('writes over no file unless it is told to', async () => {
    const file = join(folder, 'mine.yaml');
    await cli(['init', file]);
    const before = readFileSync(file, 'utf8');
    const again = await cli(['init', file]);
    expect(again).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('is there already; --force writes over it'),
    });
    expect(readFileSync(file, 'utf8')).toBe(before);
    expect(await cli(['init', file, '--force'])).toMatchObject({ code: 0 });
  });
});

describe('check', () => {
  it('notes that a refresh token which the server replaces is lost, where nothing encrypts it', async () => {
    const file = join(folder, 'mine.yaml');
    const auth = { type: 'oauth2', tokenUrl: 'http://127.0.0.1:1/token', clientId: 'me', refreshToken: 'refresh-1' };
    const post = { dataset: 'posts', queue: 'posts', key: 'id', fields: { id: 'integer' } };
    const endpoints = { blog: { url: 'http://127.0.0.1:1/', entity: 'post', auth } };
    writeFileSync(file, JSON.stringify({ entities: { post }, endpoints }));
    const { code, stdout } = await cli(['check', file]);
    expect(code).toBe(0);
    expect(stdout).toContain('note: TRIBUTARY_SECRET is not set: if the server replaces the refresh token of blog');
    const env = { TRIBUTARY_SECRET: 'a-long-random-text', REDIS_URL: 'redis://127.0.0.1:6379' };
    expect((await cli(['check', file], { env })).stdout).not.toContain('note:');
  });
});

describe('check, of what a file needs around it', () => {
  const HASH = 'a-long-random-text-of-32-characters-or-more';
  const entities = (protect: unknown) => ({
    post: {
      dataset: 'posts',
      queue: 'posts',
      key: 'id',
      fields: { id: 'integer', title: { type: 'string?', protect } },
    },
  });
  const endpoints = { blog: { url: 'http://127.0.0.1:1/', entity: 'post' } };
  const check = async (pipeline: object, env: Record<string, string> = {}) => {
    const file = join(folder, 'mine.yaml');
    writeFileSync(file, JSON.stringify({ endpoints, ...pipeline }));
    return await cli(['check', file], { env });
  };

  it.each([
    ['hash', 'hash', 'PRIVACY_HASH_KEY'],
    ['encrypt', 'encrypt', 'PRIVACY_ENCRYPTION_KEYS'],
  ])('tells the key that %s lacks, and takes one that is there', async (_what, protect, variable) => {
    const told = await check({ entities: entities(protect) });
    expect(told.code).toBe(1);
    expect(told.stderr).toContain(`entities.post.fields.title.protect: ${protect} needs ${variable}, which is not set`);
    const key = protect === 'hash' ? HASH : `one:${HASH}`;
    expect(await check({ entities: entities(protect) }, { [variable]: key })).toMatchObject({ code: 0 });
    const short = await check({ entities: entities(protect) }, { [variable]: key.slice(0, 12) });
    expect(short).toMatchObject({ code: 1, stderr: expect.stringContaining('expected 32 at least') });
  });

  it('needs no key for what is masked or dropped', async () => {
    expect(await check({ entities: entities('mask') })).toMatchObject({ code: 0 });
    const byFile = await check({ entities: entities({ type: 'generalise', hierarchy: './none.csv', level: 1 }) });
    expect(byFile).toMatchObject({ code: 1 });
    expect(byFile.stderr).toContain('the hierarchy ./none.csv cannot be used: there is no such file');
  });

  it.each([
    ['another table', 'SELECT * FROM post', 'there is no table post here; those here are posts'],
    ['another table in a join', 'SELECT 1 FROM posts JOIN users ON true', 'there is no table users here'],
    ['another column', 'SELECT titel FROM posts', 'titel'],
    ['no syntax', 'SELECT FROM WHERE', 'syntax error'],
    ['a file', "SELECT * FROM read_csv('/etc/passwd')", 'read_csv() cannot be used here'],
  ])('tells what is wrong with the query of an export: %s', async (_what, query, words) => {
    const told = await check({ entities: entities('mask'), exports: { set: { query, to: './exports' } } });
    expect(told.code).toBe(1);
    expect(told.stderr).toContain('exports.set.query: ');
    expect(told.stderr).toContain(words);
  });

  it.each([
    ['DuckDB', 'SELECT title, count(*) FROM posts_history WHERE id > 3 GROUP BY ALL;', {}],
    ['Postgres', "SELECT id, title ~* 'a' FROM posts WHERE _deleted IS NOT TRUE", { sink: { type: 'postgres' } }],
    ['Postgres alone', "SELECT to_char(now(), 'YYYY'), id FROM posts", { sink: { type: 'postgres' } }],
  ])('takes a query that runs: %s', async (_what, query, more) => {
    const told = await check({ entities: entities('mask'), exports: { set: { query, to: './exports' } }, ...more });
    expect(told, told.stderr).toMatchObject({ code: 0 });
  });

  it('tells another table in the SQL of Postgres too', async () => {
    const exports = { set: { query: 'SELECT * FROM nowhere', to: './exports' } };
    const told = await check({ entities: entities('mask'), exports, sink: { type: 'postgres' } });
    expect(told).toMatchObject({ code: 1, stderr: expect.stringContaining('there is no table nowhere here') });
  });

  it('tells the faults of all parts at once', async () => {
    const { code, stderr } = await check({
      entities: entities('hash'),
      endpoints: {
        blog: { url: 'http://127.0.0.1:1/', entity: 'post', paging: { type: 'pages' } },
        other: { url: 'x', entity: 'nobody' },
      },
      exports: { one: { query: 'SELECT * FROM nowhere', to: './exports' }, two: { dataset: 'posts', to: 's3://b/x' } },
      alerts: { rules: { late: { when: 'freshness', dataset: 'nowhere', olderThan: '1h', tell: ['nobody'] } } },
      batch: { size: 0 },
    });
    expect(code).toBe(1);
    for (const place of [
      'entities.post.fields.title.protect',
      'endpoints.blog.paging',
      'endpoints.other.url',
      'endpoints.other.entity',
      'exports.one.query',
      'exports.two.s3',
      'alerts.rules.late',
      'batch.size',
    ])
      expect(stderr).toContain(`  ${place}`);
  });
});

describe('every command that reads a pipeline file', () => {
  it('takes it from --config, else from PIPELINE, and says which it read', async () => {
    const file = join(folder, 'mine.yaml');
    await cli(['init', file]);
    const dead = ['dead-letters', 'list'];
    expect((await cli([...dead, '--config', file])).stderr).toContain(`pipeline: ${file}\n`);
    expect((await cli(dead, { env: { PIPELINE: file } })).stderr).toContain(`pipeline: ${file}\n`);
    const trying = await cli(['try', 'nope', '--config', file], { env: { AUDIT_LOG } });
    expect(trying).toMatchObject({ code: 1, stdout: '' });
    expect(trying.stderr).toContain(`pipeline: ${file}\nthere is no endpoint "nope"`);
    const generated = await cli(['generate-endpoints', '--count', '3', '--config', file]);
    expect(generated.stdout.match(/^ {2}crm-/gm)).toHaveLength(3);
  });
});

describe('try', () => {
  it.each([
    ['all are', ['x', 'y'], 1, 'all 2 records that were looked at would become dead letters'],
    ['the only one is', ['x'], 1, 'the record that was looked at would become a dead letter'],
    ['some are not', ['x', '7'], 0, ''],
    ['there are none', [], 0, ''],
  ])('says by its exit code whether every record would be a dead letter: %s', async (_what, values, code, said) => {
    const file = join(folder, 'mine.yaml');
    mkdirSync(join(folder, 'in'));
    writeFileSync(join(folder, 'in', 'a.csv'), `id,count\n${values.map((value, id) => `${id},${value}\n`).join('')}`);
    writeFileSync(
      file,
      `entities:
  thing: { dataset: things, queue: things_data, key: id, fields: { id: string, count: integer } }
endpoints:
  things: { source: files, path: "${join(folder, 'in', '*')}", settle: 0s, entity: thing, schedule: { every: 1m } }
`,
    );
    const tried = await cli(['try', 'things', '--config', file], { env: { AUDIT_LOG } });
    expect(tried, tried.stderr).toMatchObject({ code, stderr: expect.stringContaining(said) });
    expect(audited()).toMatchObject([
      { action: 'try', step: 'begun', endpoint: 'things', role: 'admin', from: 'shell', pipeline: 'tributary' },
      { action: 'try', step: 'done', done: values.length },
    ]);
  });
});

describe('try of an API that refuses', () => {
  it.each([
    [401, 'look at auth and headers of things'],
    [403, 'look at auth and headers of things'],
    [404, 'answered 404'],
  ])('says what to do: %i', async (status, said) => {
    const server = createServer((_request, response) => response.writeHead(status).end('no')).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const file = join(folder, 'mine.yaml');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/things`;
    writeFileSync(
      file,
      `entities: { thing: { dataset: things, queue: things_data, key: id, fields: { id: string } } }
endpoints: { things: { url: "${url}", entity: thing, auth: { type: bearer, token: "wrong-one-here" } } }
`,
    );
    const { code, stderr } = await cli(['try', 'things', '--config', file], { env: { AUDIT_LOG } });
    server.close();
    expect(code).toBe(1);
    expect(stderr).toContain(said);
    expect(stderr.includes('look at auth')).toBe(status !== 404);
    expect(audited().at(-1)).toMatchObject({ step: 'failed', why: `http_${status}` });
  });
});

describe('export', () => {
  const file = () => {
    const path = join(folder, 'mine.yaml');
    mkdirSync(join(folder, 'output', 'things'), { recursive: true });
    writeFileSync(
      path,
      `entities: { thing: { dataset: things, queue: things_data, key: id, fields: { id: string } } }
endpoints: {}
sink: { csv: { directory: "${join(folder, 'output')}" } }
exports: { set: { query: "select 7 as n", format: csv, to: "${join(folder, 'out')}" }, wrong: { query: "select 1 from nothing", to: "${folder}" } }
`,
    );
    return path;
  };

  it('is in the audit log before and behind, with its rows, or with why it failed', async () => {
    expect(await cli(['export', 'set', '--config', file()], { env: { AUDIT_LOG } })).toMatchObject({ code: 0 });
    expect(await cli(['export', 'wrong', '--config', file()], { env: { AUDIT_LOG } })).toMatchObject({ code: 1 });
    expect(audited()).toMatchObject([
      { action: 'export', step: 'begun', export: 'set', pipeline: 'tributary' },
      { step: 'done', done: 1 },
      { action: 'export', step: 'begun', export: 'wrong' },
      { step: 'failed', why: expect.any(String) },
    ]);
  });

  it('is in the audit log as of whom AUDIT_ACTOR names, where many people run commands as one user', async () => {
    await cli(['export', 'set', '--config', file()], { env: { AUDIT_LOG, AUDIT_ACTOR: 'anna' } });
    await cli(['export', 'set', '--config', file()], { env: { AUDIT_LOG, AUDIT_ACTOR: '' } });
    const whos = audited().flatMap(({ step, who }) => (step === 'begun' ? [who] : []));
    expect(whos).toEqual(['anna', userInfo().username]);
  });

  it('of a folder in which nothing was ever written says so, and makes no files without rows', async () => {
    const args = ['export', 'set', '--config', file(), '--output', join(folder, 'elsewhere')];
    const { code, stderr } = await cli(args, { env: { AUDIT_LOG } });
    expect(code).toBe(1);
    expect(stderr).toContain('elsewhere holds nothing that this pipeline has written');
    expect(existsSync(join(folder, 'out'))).toBe(false);
    expect(audited()).toMatchObject([{ step: 'begun' }, { step: 'failed', why: 'output_missing' }]);
  });

  it('is not done where the audit log cannot be written', async () => {
    writeFileSync(join(folder, 'a-file'), '');
    const env = { AUDIT_LOG: join(folder, 'a-file', 'audit.jsonl') };
    const { code, stderr } = await cli(['export', 'set', '--config', file()], { env });
    expect(code).toBe(1);
    expect(stderr).toContain('what is not in the audit log is not done');
    expect(existsSync(join(folder, 'out'))).toBe(false);
  });
});

describe('endpoints and reset', () => {
  let server: Server;
  let env: { PRODUCER_URL: string; ADMIN_TOKEN: string };
  const asked: string[] = [];
  beforeEach(async () => {
    asked.length = 0;
    server = createServer((request, response) => {
      asked.push(`${request.method} ${request.url} ${request.headers.authorization}`);
      response.end(JSON.stringify(request.url === '/endpoints' ? [] : { accepted: true }));
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    env = { PRODUCER_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, ADMIN_TOKEN: 'secret' };
  });
  afterEach(() => {
    server.close();
  });

  it('ask the producer that PRODUCER_URL names, with the ADMIN_TOKEN', async () => {
    const listed = await cli(['endpoints', 'list'], { env });
    expect(listed.stdout).toMatch(/^endpoint +state/);
    expect(listed.stderr).toContain(`endpoints of the producer at ${env.PRODUCER_URL}`);
    expect((await cli(['endpoints', 'status', 'crm'], { env })).code).toBe(0);
    const paused = await cli(['endpoints', 'pause', 'crm'], { env });
    expect(paused.stdout).toContain('crm: pause is accepted');
    expect(paused.stderr).toContain('npm run endpoints -- status crm');
    await cli(['reset', 'crm', '--since', '2026-03-01'], { env });
    expect(asked).toEqual([
      'GET /endpoints Bearer secret',
      'GET /endpoints/crm/status Bearer secret',
      'POST /endpoints/crm/pause Bearer secret',
      'POST /endpoints/crm/reset?since=2026-03-01 Bearer secret',
    ]);
  });

  it('fail where no producer answers, and say so', async () => {
    const { code, stdout, stderr } = await cli(['endpoints', 'list'], { env: { PRODUCER_URL: 'http://127.0.0.1:1' } });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('no producer answers at http://127.0.0.1:1');
  });
});

describe('a service alone', () => {
  it.each(['producer', 'consumer'])('fails without its servers, and says which it needs: %s', async (name) => {
    const { code, stderr } = await cli([name]);
    expect(code).toBe(1);
    for (const said of ['AMQP_URL: not set', 'REDIS_URL: not set', 'npm start']) expect(stderr).toContain(said);
  });

  it('is told its pipeline by --config, and says which it read', async () => {
    const file = join(folder, 'mine.yaml');
    await cli(['init', file]);
    const { code, stderr } = await cli(['dashboard', '--config', file], { env: { LOG_LEVEL: 'silent' } });
    expect({ code, stderr }).toEqual({ code: 0, stderr: `pipeline: ${file}\n` });
  });
});
