import { FatalError } from '@tributary/shared';
import { codeOf } from './catalog.js';
import { Session, type SessionOptions } from './session.js';

/** The connections to one database: one that stays open for statements, and others for a while. */
export class Connections {
  readonly #options: SessionOptions;
  #session: Session | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** The connection that stays open; undefined while there is none. */
  get session(): Session | undefined {
    return this.#session;
  }

  /** It is made again if it is of no use any more. @throws what the driver throws; the signal's reason once it has aborted */
  async connect(signal: AbortSignal): Promise<Session> {
    signal.throwIfAborted();
    if (this.#session !== undefined && this.#session.broken === undefined) return this.#session;
    await this.close();
    this.#session = await this.open(false);
    if (signal.aborted) await this.close();
    signal.throwIfAborted();
    return this.#session;
  }

  /**
   * Another one, which the caller closes.
   * @param isReplication for the commands of replication
   * @throws FatalError if the user may not replicate
   */
  async open(isReplication: boolean): Promise<Session> {
    try {
      return await Session.open({ ...this.#options, isReplication });
    } catch (error) {
      if (!isReplication || codeOf(error) !== '42501') throw error;
      const remedy = 'let it: ALTER ROLE … REPLICATION (on RDS: GRANT rds_replication TO …)';
      throw new FatalError('replication_forbidden', `the user of the URL may not replicate; ${remedy}`, {
        cause: error,
      });
    }
  }

  /** Never rejects. */
  async close(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    await session?.close();
  }

  /** Ends what is being asked. */
  destroy(): void {
    this.#session?.destroy();
  }
}
