import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { expect, inject, onTestFinished, test } from 'vitest';
import { freePort } from '../services/ports.js';
import { eventually } from './support/eventually.js';
import { readMetrics } from './support/metrics.js';
import { readRows } from './support/output.js';
import { demoPipeline } from './support/pipeline-file.js';
import { ROOT } from './support/program.js';
import { publish } from './support/servers.js';
import { useStage } from './support/stage.js';

const stage = useStage();
const servers = { amqpUrl: inject('amqpUrl'), redisUrl: inject('redisUrl') };
const { name, file } = demoPipeline(stage, servers);
const output = stage.path('output');

/** So long may SIGTERM take, in milliseconds: nothing is under way but one batch. */
const STOPS_WITHIN = 10_000;

const SERVICES = ['producer', 'consumer', 'dashboard', 'mock-api'] as const;
type Service = (typeof SERVICES)[number];

/** A pipe that has a reader, and what may happen to it. */
function openPipe(path: string) {
  execFileSync('mkfifo', [path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(path, constants.O_WRONLY);
  return {
    writer,
    readerGoes: () => closeSync(reader),
    /** Nobody reads, and nothing more fits in. */
    fill() {
      const filler = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
      try {
        for (;;) writeSync(filler, 'x'.repeat(1_024));
      } catch (error) {
        expect((error as NodeJS.ErrnoException).code).toBe('EAGAIN');
      } finally {
        closeSync(filler);
      }
    },
  };
}

/** A service as its image runs it, with both outputs in one pipe. */
async function start(service: Service, writer: number): Promise<{ child: ChildProcess; url: string }> {
  const port = await freePort();
  const child = spawn(process.execPath, [`${ROOT}${service}/dist/main.js`], {
    cwd: ROOT,
    env: {
      PATH: process.env.PATH,
      PORT: String(port),
      PIPELINE: file,
      AMQP_URL: servers.amqpUrl,
      REDIS_URL: servers.redisUrl,
      CRM_URL: 'http://127.0.0.1:1',
      OUTPUT_DIR: output,
      AUDIT_LOG: stage.path('audit.jsonl'),
      BATCH_INTERVAL: '600s',
      LOG_LEVEL: 'debug',
    },
    stdio: ['ignore', writer, writer],
  });
  closeSync(writer);
  onTestFinished(() => void child.kill('SIGKILL'));
  const url = `http://127.0.0.1:${port}`;
  await eventually(async () => expect((await fetch(`${url}/healthz`)).status).toBe(200));
  return { child, url };
}

/** How a service ends that is asked to, and how long that took, in milliseconds. */
async function stop(child: ChildProcess): Promise<{ code: number | null; within: boolean }> {
  const ended = once(child, 'exit');
  const since = performance.now();
  child.kill('SIGTERM');
  const [code] = (await ended) as [number | null];
  return { code, within: performance.now() - since < STOPS_WITHIN };
}

test.each(['has gone', 'does not read'])(
  'a reader of the log that %s holds up no service, and no stop',
  async (what) => {
    const stopped = await Promise.all(
      SERVICES.map(async (service) => {
        const pipe = openPipe(stage.path(`${service} ${what}`));
        if (what === 'does not read') pipe.fill();
        const { child, url } = await start(service, pipe.writer);
        if (what === 'has gone') pipe.readerGoes();
        if (service === 'consumer') await takeRecord(url, what);
        return { service, ...(await stop(child)) };
      }),
    );
    expect(stopped).toEqual(SERVICES.map((service) => ({ service, code: 0, within: true })));
    // What was under way was written, although its batch was not due.
    expect((await readRows(output, 'customers')).map(({ key }) => key)).toContain(`C ${what}`);
  },
);

/** Gives the consumer a record that waits for its batch. */
async function takeRecord(url: string, id: string): Promise<void> {
  await eventually(async () => expect((await fetch(`${url}/readyz`)).status).toBe(200));
  const record = {
    id: `C ${id}`,
    name: 'Anna',
    email: 'anna@example.org',
    updatedAt: '2026-01-01T00:00:00Z',
    lines: [],
  };
  await publish(servers.amqpUrl, name, 'customer', Buffer.from(JSON.stringify(record)));
  await eventually(async () => expect((await readMetrics(url)).sum('tributary_unsettled_deliveries')).toBe(1));
}
