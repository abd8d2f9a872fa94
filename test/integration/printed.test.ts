import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';

const CLI = fileURLToPath(new URL('../../tributary/dist/cli/main.js', import.meta.url));
const SECRET = 'hunter2-of-a-url';
/** A window title, a cleared screen, a colour by C1, and a text that runs backwards. */
const HOSTILE = '\x1b]0;owned\x07\x1b[2J\x9b31m\u202eexe.gnp';
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const OBEYED = /[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/;

let folder: string;
let api: Server;
let port: number;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'printed-'));
  api = createServer((request, response) => {
    response.statusCode = request.url === '/bad' ? 418 : 200;
    response.setHeader('content-type', 'application/json');
    response.end(request.url === '/bad' ? HOSTILE : JSON.stringify([{ id: HOSTILE, age: HOSTILE }]));
  }).listen(0, '127.0.0.1');
  await once(api, 'listening');
  port = (api.address() as AddressInfo).port;
  await writeFile(
    join(folder, 'pipeline.yaml'),
    `
name: printed
entities:
  customer: { dataset: customers, queue: printed_customer, key: id, fields: { id: string, age: integer } }
endpoints:
  good: { url: "http://somebody:${SECRET}@127.0.0.1:${port}/good", entity: customer }
  bad: { url: "http://127.0.0.1:${port}/bad", entity: customer }
`,
  );
});
afterAll(async () => {
  api?.close();
  await rm(folder, { recursive: true });
});

/** All that a command wrote, whatever became of it; a command that does not end is stopped a while after its first words. */
async function run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
  const { PATH = '' } = process.env;
  const options = { cwd: folder, env: { PATH, LOG_LEVEL: 'debug', PORT: '0', ...env }, timeout: 60_000 };
  return await new Promise((resolve) => {
    let stop: NodeJS.Timeout | undefined;
    const program = execFile(process.execPath, [CLI, ...args], options, (_error, stdout, stderr) => {
      clearTimeout(stop);
      resolve(`${stdout}\n${stderr}`);
    });
    const onWords = () => {
      stop ??= setTimeout(() => program.kill(), 6_000);
    };
    if (!args.some((arg) => ENDING.has(arg)))
      for (const stream of [program.stdout, program.stderr]) stream?.on('data', onWords);
  });
}

/** Commands that end by themselves here. */
const ENDING = new Set(['try', 'check', '--once']);

test.for([['try', 'good'], ['try', 'bad'], ['start', '--once', '--output', 'out'], ['check']])(
  '%j prints nothing that a terminal obeys, and no password of a URL',
  async (args) => {
    const told = await run(args);
    expect(told.length).toBeGreaterThan(20);
    expect(OBEYED.exec(told)).toBeNull();
    expect(told).not.toContain(SECRET);
    if (args[1] === 'good') expect(told).toContain('\\u001b]0;owned');
    if (args[0] === 'try') expect(told).toContain('\\u202e');
  },
);

test.for([
  ['consumer', { AMQP_URL: `amqp://u:${SECRET}/x@127.0.0.1:1`, REDIS_URL: 'redis://127.0.0.1:1' }],
  ['consumer', { AMQP_URL: 'amqp://127.0.0.1:1', REDIS_URL: `redis://u:${SECRET}/x@127.0.0.1:1` }],
  ['producer', { AMQP_URL: `amqp://u:${SECRET}@[bad`, REDIS_URL: 'redis://127.0.0.1:1' }],
  ['dead-letters', { AMQP_URL: `amqp://u:${SECRET}@127.0.0.1:1` }],
  ['start', { AMQP_URL: `amqp://u:${SECRET}/x@127.0.0.1:1` }],
  ['start', { REDIS_URL: `redis+sentinel://u:${SECRET}@[bad/main` }],
] satisfies [string, Record<string, string>][])('%s with %j tells no password', async ([command, env]) => {
  const told = await run(command === 'dead-letters' ? [command, 'list'] : [command], env);
  expect(told.length).toBeGreaterThan(20);
  expect(told).not.toContain(SECRET);
});
