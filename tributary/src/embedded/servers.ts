import { FatalError, type ReleaseList } from '@tributary/shared';
import { startStandIns } from './stand-ins.js';

/** What is kept in the memory of a child process because the environment names no server for it. */
export type InMemory = 'queues' | 'ledger';

/** The RabbitMQ and the Redis of a pipeline. */
export interface Servers {
  readonly amqpUrl: string;
  readonly redisUrl: string;
  readonly inMemory: readonly InMemory[];
}

/**
 * The servers that the environment names, with stand-ins in memory for those that it does not name.
 * @param onLost called if the stand-ins die by themselves
 * @throws FatalError for a Redis that would outlive the queues, or stand-ins that cannot be started
 */
export async function findServers(
  env: Readonly<Record<string, string | undefined>>,
  release: ReleaseList,
  onLost: (error: Error) => void,
): Promise<Servers> {
  const { AMQP_URL, REDIS_URL } = env;
  if (AMQP_URL && REDIS_URL) return { amqpUrl: AMQP_URL, redisUrl: REDIS_URL, inMemory: [] };
  if (REDIS_URL && !AMQP_URL) {
    const why = 'Redis would remember what was polled after a broker in memory had lost it';
    throw new FatalError('amqp_url_missing', `REDIS_URL is set and AMQP_URL is not: ${why}. Set both, or neither.`);
  }
  const standIns = await startStandIns({ onLost });
  release.add('stand-ins for RabbitMQ and Redis', () => standIns.stop());
  return {
    amqpUrl: AMQP_URL || standIns.amqpUrl,
    redisUrl: standIns.redisUrl,
    inMemory: AMQP_URL ? ['ledger'] : ['queues', 'ledger'],
  };
}
