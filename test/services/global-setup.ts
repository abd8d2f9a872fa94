import { ReleaseList } from '@tributary/shared';
import type { ProvidedContext } from 'vitest';
import type { TestProject } from 'vitest/node';
import { chooseService, type ServiceKind } from './choose.js';
import { mariadb } from './mariadb.js';
import { postgres } from './postgres.js';
import { rabbitmq } from './rabbitmq.js';
import { redis } from './redis.js';

declare module 'vitest' {
  export interface ProvidedContext {
    amqpUrl: string;
    redisUrl: string;
    postgresUrl: string;
    mariadbUrl: string;
  }
}

/**
 * Starts one RabbitMQ, Redis, Postgres and MariaDB for all integration tests, which get the URLs with vitest's `inject`.
 *
 * The servers are shared, by test files and, when they come from the environment, with other people's data. So a test
 * names everything it makes with `uniqueName` (pipelines, queues, key prefixes, schemas), removes it afterwards, and
 * never flushes, restarts or lists all of a server. A test that must hurt a server starts its own with
 * `startPrivateRabbitMQ`, `startPrivateRedis` or `startPrivatePostgres`.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const services = new ReleaseList();
  const start = async (kind: ServiceKind, name: keyof ProvidedContext) => {
    const handle = await chooseService(kind, process.env);
    services.add(kind.name, () => handle.stop());
    project.provide(name, handle.url);
  };
  const outcomes = await Promise.allSettled([
    start(rabbitmq, 'amqpUrl'),
    start(redis, 'redisUrl'),
    start(postgres, 'postgresUrl'),
    start(mariadb, 'mariadbUrl'),
  ]);
  const failures = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
  if (failures.length > 0) {
    await services.release();
    throw new Error(failures.map((error: Error) => error.message).join('\n\n'));
  }
  return () => services.release();
}
