import type { ReleaseList } from '@tributary/shared';
import type { PrivateService, Say } from '../../services/handle.js';
import { type PrivateRabbitMQ, startPrivateRabbitMQ } from '../../services/rabbitmq.js';
import type { PrivateRedis } from '../../services/redis.js';

export interface Servers {
  readonly rabbitmq: PrivateRabbitMQ;
  readonly redis: PrivateRedis;
  readonly postgres: PrivateService | undefined;
}

/** Where a service reaches the servers. */
export interface Addresses {
  readonly rabbitmq: string;
  readonly redis: string;
  readonly postgres: string | undefined;
}

export const addressesOf = ({ rabbitmq, redis, postgres }: Servers): Addresses => ({
  rabbitmq: rabbitmq.url,
  redis: redis.url,
  postgres: postgres?.url,
});

/** How Redis and Postgres are started. */
export interface ServerStarts {
  redis(say: Say): Promise<PrivateRedis>;
  /** Undefined where the sink is another. */
  readonly postgres: ((say: Say) => Promise<PrivateService>) | undefined;
}

/** Starts servers of the run's own, one after the other. */
export async function startServers(
  starts: ServerStarts,
  { say, signal }: { readonly say: Say; readonly signal: AbortSignal },
  release: ReleaseList,
): Promise<Servers> {
  const start = async <T extends PrivateService>(name: string, starting: Promise<T>): Promise<T> => {
    const server = await starting;
    release.add(name, () => server.stop());
    say(`${name}: ${server.how}`);
    signal.throwIfAborted();
    return server;
  };
  return {
    rabbitmq: await start('RabbitMQ', startPrivateRabbitMQ(say)),
    redis: await start('Redis', starts.redis(say)),
    postgres: starts.postgres && (await start('Postgres', starts.postgres(say))),
  };
}
