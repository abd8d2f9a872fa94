import { type Clock, count, FatalError, RetryableError } from '@tributary/shared';
import type { EndpointFrom } from '../../endpoint.js';
import type { Gate } from '../gate.js';
import type { SourceEvents } from '../port.js';
import { tryAgain } from '../try-again.js';
import type { Concealed } from './concealed.js';
import type { Database, Rows, Statement, TableDescription } from './database.js';

export interface StatementOptions extends SourceEvents {
  /** Shared by all endpoints of the database; closed by the caller that opened it. */
  readonly database: Database;
  /** Holds the statements of all endpoints together to the limits. */
  readonly gate: Gate;
  readonly clock: Clock;
  /** From 0 to 1. */
  random(): number;
}

/** The statements of one endpoint: each is sent when it is its turn, and again while that may help. Errors say where they happened, without secrets. */
export class Statements {
  readonly #config: EndpointFrom<'sql'>['config'];
  readonly #options: StatementOptions;
  readonly #concealed: Concealed;
  readonly #where: string;
  readonly #onFault: () => void;

  /**
   * @param where for errors: `orders: the table sales.orders of postgres://host/database`
   * @param onFault called when a statement failed: what is known of the columns may be true no more
   */
  constructor(
    config: EndpointFrom<'sql'>['config'],
    options: StatementOptions,
    { concealed, where, onFault }: { concealed: Concealed; where: string; onFault: () => void },
  ) {
    this.#config = config;
    this.#options = options;
    this.#concealed = concealed;
    this.#where = where;
    this.#onFault = onFault;
  }

  /** @param retries as the settings say unless given */
  async ask(statement: Statement, signal: AbortSignal, retries?: number): Promise<Rows> {
    const { database, clock, onExchange } = this.#options;
    return await this.#attempted(
      async () => {
        const begun = clock.monotonic();
        const answer = await database.query(statement, signal);
        const asked = this.#concealed.conceal(statement.text);
        const answered = count(answer.rows.length, 'row');
        onExchange?.({ asked, answered, milliseconds: Math.round(clock.monotonic() - begun) });
        return answer;
      },
      signal,
      retries,
    );
  }

  /** @returns undefined if there is no table of this name that may be read */
  async table(name: string, signal: AbortSignal): Promise<TableDescription | undefined> {
    return await this.#attempted(() => this.#options.database.table(name, signal), signal);
  }

  async #attempted<T>(work: () => Promise<T>, signal: AbortSignal, retries = this.#config.retries): Promise<T> {
    const { database, gate } = this.#options;
    const { priority, retryDelay } = this.#config;
    const attempt = async () => {
      try {
        return await gate.pass(database.host, priority, signal, work);
      } catch (error) {
        throw signal.aborted ? error : this.#named(error);
      }
    };
    return await tryAgain(attempt, { ...this.#options, retries, retryDelay, signal });
  }

  #named(cause: unknown): unknown {
    if (!(cause instanceof RetryableError || cause instanceof FatalError)) return cause;
    this.#onFault();
    const message = `${this.#where}: ${this.#concealed.conceal(cause.message)}`;
    return cause instanceof FatalError ? new FatalError(cause.code, message) : new RetryableError(cause.code, message);
  }
}
