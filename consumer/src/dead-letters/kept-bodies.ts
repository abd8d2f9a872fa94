/**
 * Bodies that no dead-letter queue takes (they are larger than RabbitMQ takes by now), kept with the output. The letter that
 * refers to one holds its id.
 */
export interface KeptBodies {
  /**
   * Resolves when the body is durable. Safe to repeat: the same body has the same id.
   * @returns its id, and in words for people where it is
   */
  keep(body: Buffer): Promise<{ readonly id: string; readonly where: string }>;
}
