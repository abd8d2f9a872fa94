import { sendRecord } from '@tributary/producer';
import type { Environment } from '@tributary/shared';

export interface PublishOptions {
  /**
   * Where the producer answers (PRODUCER_URL, http://127.0.0.1:8081 unless given) and its token (ADMIN_TOKEN). Empty unless given: a program
   * passes `process.env` if it wants its own environment to count.
   */
  readonly env?: Environment;
}

/**
 * Sends a record to a producer that runs. Resolves when RabbitMQ has confirmed it.
 *
 * @param record with the fields of the entity by their names; with `_deleted: true` it says that its key is no more
 * @throws FatalError in words: for a record that is not valid, an entity that there is not, a token that is refused, a producer that is away
 */
export async function publish(entity: string, record: unknown, { env = {} }: PublishOptions = {}): Promise<void> {
  const producerUrl = env.PRODUCER_URL?.split(',')[0] || 'http://127.0.0.1:8081';
  await sendRecord(record, { entity, producerUrl, adminToken: env.ADMIN_TOKEN ?? '' });
}
