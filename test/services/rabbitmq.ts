import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { connect } from 'amqplib';
import { findOrInstall } from './apt.js';
import { firstExecutable, onPath, searchPath, versionsIn } from './binaries.js';
import type { ServiceKind } from './choose.js';
import { CONTAINER_TIMEOUT } from './docker.js';
import { type PrivateService, type Say, sayOnConsole } from './handle.js';
import { freePort, freePorts } from './ports.js';
import { type Recipe, runPrivately } from './private-server.js';

const image = 'rabbitmq:4-management';
const debianPackage = 'rabbitmq-server';

export const rabbitmq: ServiceKind = {
  name: 'RabbitMQ',
  variable: 'AMQP_URL',
  example: 'amqp://guest:guest@127.0.0.1:5672',
  image,
  debianPackage,
  check,
  startPrivate: startPrivateRabbitMQ,
  async startContainer() {
    const { RabbitMQContainer } = await import('@testcontainers/rabbitmq');
    const container = await new RabbitMQContainer(image).withStartupTimeout(CONTAINER_TIMEOUT).start();
    const url = container.getAmqpUrl().replace('amqp://', 'amqp://guest:guest@');
    return { url, stop: async () => void (await container.stop()) };
  },
};

/**
 * A RabbitMQ of the test's own, from a program of this machine; queues and messages outlive its restarts.
 *
 * A kill can lose a quorum queue that was declared less than half a second before it, with all it holds: RabbitMQ's
 * Raft library notes a new queue's name that much later (auto_save in ra_directory.erl). A test that is not about that
 * restarts the server after its declarations.
 */
export async function startPrivateRabbitMQ(
  say: Say = sayOnConsole,
  { measured = false }: { readonly measured?: boolean } = {},
): Promise<PrivateRabbitMQ> {
  const programs = await findOrInstall(findPrograms, [debianPackage], say);
  let env: Readonly<Record<string, string>> = {};
  let metricsPort = 0;
  const server = await runPrivately(async (folder) => {
    metricsPort = measured ? await freePort() : 0;
    const recipe = await prepare(folder, programs, metricsPort);
    env = recipe.env;
    return recipe;
  });
  return {
    ...server,
    metrics: measured ? `127.0.0.1:${metricsPort}` : undefined,
    async ctl(...args) {
      const { stdout } = await promisify(execFile)(programs.ctl, ['--quiet', ...args], { env });
      return stdout;
    },
  };
}

export interface PrivateRabbitMQ extends PrivateService {
  /** Host and port at which Prometheus reads it; undefined unless it was asked to be measured. */
  readonly metrics: string | undefined;
  /**
   * `rabbitmqctl` on this server: alarms, policies, users. It takes some seconds, because it starts an Erlang of its own.
   * @returns what it prints
   */
  ctl(...args: readonly string[]): Promise<string>;
}

interface Programs {
  readonly server: string;
  readonly ctl: string;
  readonly epmd: string;
}

function findPrograms(): Programs | undefined {
  // Debian's wrapper in /usr/sbin changes to the user of the package's own service: this wants the script behind it.
  const folders = [
    '/usr/lib/rabbitmq/bin',
    ...versionsIn('/usr/lib/rabbitmq/lib', /^rabbitmq_server-/).map((folder) => join(folder, 'sbin')),
    '/opt/homebrew/opt/rabbitmq/sbin',
    '/usr/local/opt/rabbitmq/sbin',
  ];
  const server = firstExecutable(folders.map((folder) => join(folder, 'rabbitmq-server')));
  const ctl = firstExecutable(folders.map((folder) => join(folder, 'rabbitmqctl')));
  const epmd = onPath('epmd');
  return server === undefined || ctl === undefined || epmd === undefined ? undefined : { server, ctl, epmd };
}

async function prepare(folder: string, { server, epmd }: Programs, metricsPort: number): Promise<Recipe> {
  const [port = 0, distributionPort = 0, epmdPort = 0] = await freePorts(3);
  const file = (name: string, content: string, mode = 0o600): string => {
    const path = join(folder, name);
    writeFileSync(path, content, { mode });
    return path;
  };
  mkdirSync(join(folder, 'data'));
  file('.erlang.cookie', `tributary${port}`, 0o400);
  return {
    name: 'RabbitMQ',
    url: `amqp://guest:guest@127.0.0.1:${port}`,
    how: `${server}, run privately on port ${port}`,
    command: '/bin/sh',
    args: ['-c', START, 'rabbitmq', epmd, server],
    stopSignal: 'SIGTERM',
    check,
    env: {
      PATH: searchPath,
      LANG: 'C.UTF-8',
      HOME: folder,
      RABBITMQ_NODENAME: `tributary-${port}@localhost`,
      RABBITMQ_NODE_PORT: String(port),
      RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
      RABBITMQ_DIST_PORT: String(distributionPort),
      RABBITMQ_MNESIA_BASE: join(folder, 'data'),
      RABBITMQ_LOG_BASE: folder,
      RABBITMQ_LOGS: '-',
      RABBITMQ_CONFIG_FILE: file('rabbitmq.conf', metricsPort === 0 ? CONFIGURATION : measuredAt(metricsPort)),
      RABBITMQ_ENABLED_PLUGINS_FILE: file('enabled_plugins', metricsPort === 0 ? '[].\n' : '[rabbitmq_prometheus].\n'),
      RABBITMQ_CONF_ENV_FILE: file('rabbitmq-env.conf', ''),
      // Two schedulers that are not tied to a core leave room for the tests, and for a second broker beside this one.
      RABBITMQ_SCHEDULER_BIND_TYPE: 'u',
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+S 2:2 -kernel inet_dist_use_interface {127,0,0,1}',
      ERL_EPMD_PORT: String(epmdPort),
      ERL_EPMD_ADDRESS: '127.0.0.1',
      ERL_CRASH_DUMP_SECONDS: '0',
    },
  };
}

/** Erlang would start its port mapper, epmd, as a daemon that outlives everything; so it finds this one running. */
const START = `
"$1" -port "$ERL_EPMD_PORT" -address 127.0.0.1 &
until "$1" -port "$ERL_EPMD_PORT" -names >/dev/null 2>&1; do sleep 0.02; done
exec "$2"`;

/** A full disk or a small memory of the machine must not block publishers: that is not what is tested. */
const CONFIGURATION = `
disk_free_limit.absolute = 1MB
vm_memory_high_watermark.relative = 0.8
raft.wal_max_size_bytes = 67108864
log.console = true
log.console.level = warning
log.file = false
`;

const measuredAt = (port: number) => `${CONFIGURATION}
prometheus.tcp.ip = 127.0.0.1
prometheus.tcp.port = ${port}
`;

async function check(url: string): Promise<void> {
  const connection = await connect(url, { timeout: 5_000 });
  await connection.close();
}
