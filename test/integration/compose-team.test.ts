import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { parse } from 'yaml';
import { demoPipeline } from '../end-to-end/support/pipeline-file.js';
import { ROOT } from '../end-to-end/support/program.js';
import { startService, untilReady } from '../end-to-end/support/services.js';
import { useStage } from '../end-to-end/support/stage.js';
import { findOrInstall } from '../services/apt.js';
import { onPath, searchPath } from '../services/binaries.js';
import { type PrivateService, sayOnConsole } from '../services/handle.js';
import { freePort } from '../services/ports.js';
import { runPrivately } from '../services/private-server.js';

const stage = useStage();
const PASSWORD = 'password-of-the-team';
const folder = mkdtempSync(join(tmpdir(), 'tributary-tls-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const make = (...args: readonly string[]) =>
  execFileSync('sh', [join(ROOT, 'deploy/tls/make.sh'), ...args], {
    encoding: 'utf8',
    cwd: folder,
    env: { PATH: searchPath },
    stdio: 'pipe',
  });

interface Team {
  readonly services: { readonly redis: { readonly command: readonly string[] } };
}

/** The command of the container, on files and ports of this machine. */
function redisCommand(of: string, port: number): readonly string[] {
  const text = readFileSync(join(ROOT, 'docker-compose.team.yml'), 'utf8');
  const { services } = parse(text, { merge: true, logLevel: 'silent' }) as Team;
  return services.redis.command.map((part) =>
    part
      .replaceAll('$$', '$')
      .replaceAll('/tmp/', `${of}/`)
      .replaceAll('/tls/', `${join(folder, 'tls')}/`)
      .replace('--tls-port 6379', `--tls-port ${port} --bind 127.0.0.1 --dir ${of}`),
  );
}

describe('docker compose for a team', () => {
  let redis: PrivateService;
  let said: string;

  beforeAll(async () => {
    await findOrInstall(() => onPath('openssl'), ['openssl'], sayOnConsole);
    said = make('tls', 'dashboard.example.org', '192.0.2.7');
    redis = await runPrivately(async (of) => {
      const port = await freePort();
      const [command = '', ...args] = redisCommand(of, port);
      return {
        name: 'Redis with TLS',
        url: `rediss://:${PASSWORD}@localhost:${port}`,
        how: `run privately on port ${port}`,
        command,
        args,
        env: { PATH: searchPath, REDISCLI_AUTH: PASSWORD },
        stopSignal: 'SIGTERM' as const,
        check: () => answersByTls(port),
      };
    });
    stage.atEnd('Redis with TLS', () => redis.stop());
  });

  test('has certificates of its own authority, whose keys only the folder’s owner reaches', () => {
    expect(said).toContain('for dashboard.example.org 192.0.2.7');
    const own = join(folder, 'tls');
    expect(statSync(own).mode & 0o077).toBe(0);
    expect(statSync(join(own, 'ca-key.pem')).mode & 0o077).toBe(0);
    expect(readdirSync(own).sort()).toEqual(
      ['ca-key.pem', 'ca.pem', 'ca.srl', 'proxy-key.pem', 'proxy.pem', 'redis-key.pem', 'redis.pem'].filter(
        (name) => name !== 'ca.srl' || readdirSync(own).includes(name),
      ),
    );
    const text = execFileSync('openssl', ['x509', '-in', join(own, 'proxy.pem'), '-noout', '-ext', 'subjectAltName'], {
      encoding: 'utf8',
    });
    expect(text).toContain('DNS:dashboard.example.org, IP Address:192.0.2.7');
    expect(make('tls'), 'what is there stays').toBe('');
  });

  test('keeps the password of Redis out of the list of processes', () => {
    const commands = readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map((pid) => {
        try {
          return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        } catch {
          return '';
        }
      });
    expect(commands.some((one) => one.includes('redis-server'))).toBe(true);
    expect(commands.filter((one) => one.includes(PASSWORD))).toEqual([]);
  });

  test('lets a producer talk to Redis by TLS alone', async () => {
    const amqpUrl = inject('amqpUrl');
    const pipeline = demoPipeline(stage, { amqpUrl, redisUrl: inject('redisUrl') });
    const common = { AMQP_URL: amqpUrl, PIPELINE: pipeline.file, CRM_URL: 'http://127.0.0.1:9' };
    const trusted = { NODE_EXTRA_CA_CERTS: join(folder, 'tls', 'ca.pem') };
    await untilReady(await startService(stage, 'producer', { ...common, ...trusted, REDIS_URL: redis.url }));
    const stranger = await startService(stage, 'producer', { ...common, REDIS_URL: redis.url });
    const { problems } = (await (await fetch(`${stranger.url}/readyz`)).json()) as { problems: readonly string[] };
    expect(problems.join('\n')).toMatch(/certificate/);
  });
});

function answersByTls(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: '127.0.0.1',
      port,
      servername: 'localhost',
      ca: readFileSync(join(folder, 'tls', 'ca.pem')),
    });
    socket.once('secureConnect', () => {
      socket.end();
      resolve();
    });
    socket.once('error', reject);
  });
}
