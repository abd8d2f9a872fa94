import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, inject, test } from 'vitest';
import { family, untilGone } from '../services/processes.js';
import { eventually } from './support/eventually.js';
import { countRows, expectNoDuplicates, readDemoRows } from './support/landed.js';
import { demoPipeline } from './support/pipeline-file.js';
import { ROOT } from './support/program.js';
import { useStage } from './support/stage.js';

const stage = useStage();

/** The command with both of its outputs in pipes that can be closed, as `head` closes its own. */
function start(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, [`${ROOT}tributary/dist/cli/main.js`, ...args], {
    cwd: ROOT,
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  stage.atEnd('the command', () => child.kill('SIGKILL'));
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      said[name] += text;
    });
  }
  /** Code and signal. A test that only runs out of time would not tell what the command last said. */
  const ended = async () => {
    await eventually(() => {
      expect([child.exitCode, child.signalCode], JSON.stringify(said)).not.toEqual([null, null]);
      expect([child.stdout.closed, child.stderr.closed]).toEqual([true, true]);
    });
    return [child.exitCode, child.signalCode];
  };
  return { child, said, ended };
}

/** Everything that runs for it. */
const familyOf = ({ pid = 0 }: ChildProcess) => family(pid);

describe('a reader that goes away, as in npm start | head', () => {
  test('ends npm start quietly, after it was stopped in good order, with exit code 0', async () => {
    const output = stage.path('closed');
    const { child, said, ended } = start(['start', '--output', output], {
      MOCK_CHANGES_PER_SECOND: '50',
      POLL_INTERVAL: '500ms',
    });
    await eventually(() => expect(said.stdout).toMatch(/published [1-9]/));
    const all = familyOf(child);
    expect(all.length).toBeGreaterThan(1);
    child.stdout.destroy();
    expect(await ended()).toEqual([0, null]);
    expect(said.stderr).toContain(`pipeline: ${ROOT}pipeline.yaml\n`);
    expect(said.stderr).not.toContain('EPIPE');
    await untilGone(all);
    const rows = await readDemoRows(output);
    expect(countRows(rows).customers).toBeGreaterThanOrEqual(200);
    expectNoDuplicates(rows);
  });

  test('ends it too when it was the reader of stderr', async () => {
    const env = { LOG_LEVEL: 'debug', POLL_INTERVAL: '500ms' };
    const { child, said, ended } = start(['start', '--output', stage.path('closed-stderr')], env);
    await eventually(() => expect(said.stdout).toContain('Stop with Ctrl-C'));
    child.stderr.destroy();
    expect(await ended()).toEqual([0, null]);
  });

  test('ends a service that runs alone', async () => {
    const servers = { amqpUrl: inject('amqpUrl'), redisUrl: inject('redisUrl') };
    const { file } = demoPipeline(stage, servers);
    // Each poll fails, and each failure is logged.
    const env = { AMQP_URL: servers.amqpUrl, REDIS_URL: servers.redisUrl, PORT: '0', POLL_INTERVAL: '500ms' };
    const { child, said, ended } = start(['producer', '--config', file], { ...env, CRM_URL: 'http://127.0.0.1:1' });
    await eventually(() => expect(said.stdout).toContain('ECONNREFUSED'));
    child.stdout.destroy();
    expect(await ended()).toEqual([0, null]);
    expect(said.stderr).toBe(`pipeline: ${file}\n`);
  });

  test.each([[['check']], [['--help']], [['generate-endpoints', '--count', '500']]])(
    'is no failure of a command that was not done with writing: %j',
    async (args) => {
      const { child, said, ended } = start(args);
      child.stdout.destroy();
      expect(await ended()).toEqual([0, null]);
      expect(said.stderr).not.toContain('EPIPE');
    },
  );
});

describe('npm start -- --once that is stopped', () => {
  test('says so, fails, and leaves nothing running', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    stage.atEnd('the API that never answers', () => silent.close());
    const { port } = silent.address() as AddressInfo;
    const env = { CRM_URL: `http://127.0.0.1:${port}` };
    const { child, said, ended } = start(['start', '--once', '--output', stage.path('stopped')], env);
    await eventually(() => expect(said.stderr).toContain('pipeline: '));
    const all = familyOf(child);
    expect(all.length).toBeGreaterThan(1);
    // Ctrl-C under npm comes twice at once.
    child.kill('SIGINT');
    child.kill('SIGINT');
    expect(await ended()).toEqual([1, null]);
    expect(said).toMatchObject({
      stdout: '',
      stderr: expect.stringContaining('stopped before the round was complete'),
    });
    await untilGone(all);
  });
});
