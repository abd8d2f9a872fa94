import type { KeptOf } from '@tributary/shared';

/**
 * Bodies that no dead-letter queue takes (they are larger than RabbitMQ takes by now), kept with the output. The letter that
 * refers to one holds its id.
 */
export interface KeptBodies {
  /**
   * Resolves when the body is durable. Safe to repeat: the same body of the same message has the same id. A body that is kept again
   * can be told from what was there before: the dashboard removes what it has replayed, and a replay may die again meanwhile.
   * @returns its id, and in words for people where it is
   */
  keep(body: Buffer, of: KeptOf): Promise<{ readonly id: string; readonly where: string }>;
}
