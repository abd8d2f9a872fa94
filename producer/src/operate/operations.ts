import {
  type Clock,
  describeError,
  FatalError,
  interruptible,
  type Publications,
  RetryableError,
} from '@tributary/shared';
import type { PollSummary } from '../poll/progress.js';
import { missingOf } from '../publish/losses.js';
import type { Duty } from '../schedule/duty.js';
import { Refused } from '../sources/webhook/refused.js';
import type { SentRecord, SentRecords } from '../sources/webhook/sent-records.js';
import type { Control, EndpointCommand, EndpointReport, ResetFrom } from './control.js';

/** What a run came to. */
export type RunResult = Pick<PollSummary, 'endpoint' | 'run' | 'records' | 'published' | 'durationMs' | 'error'>;

export interface OperationsOptions {
  readonly control: Pick<Control, 'list' | 'report' | 'command'>;
  readonly duties: ReadonlyMap<string, Pick<Duty, 'runner' | 'endpoint'>>;
  /** Whether this producer polls the endpoint. */
  readonly isMine: (endpoint: string) => boolean;
  readonly records: Pick<SentRecords, 'send'>;
  /** Undefined where the queues end with this process and nobody notes what is settled. */
  readonly publications: Pick<Publications, 'recount'> | undefined;
  readonly clock: Clock;
  /** Aborted when the producer stops. */
  readonly signal: AbortSignal;
}

/** Milliseconds for which a record is given again that cannot be taken now, and between two attempts. */
const PATIENCE = 45_000;
const AGAIN = 250;

/** Milliseconds between two looks at what another producer does. */
const LOOK = 250;

/** What the program that holds the producer asks of it: the same as by HTTP, without it. */
export class Operations {
  readonly #options: OperationsOptions;

  constructor(options: OperationsOptions) {
    this.#options = options;
  }

  endpoints(): Promise<EndpointReport[]> {
    return this.#options.control.list();
  }

  /** @throws FatalError if there is no such endpoint, or if it does not have what `from` names */
  async command(id: string, command: EndpointCommand, from?: ResetFrom): Promise<void> {
    if (!(await this.#options.control.command(id, command, from))) throw this.#unknown(id);
  }

  /**
   * Polls an endpoint now, or joins the poll in progress, and resolves when it has ended. If another producer holds the endpoint, that one
   * polls. A poll that fails is told in the result.
   * @throws FatalError if there is no such endpoint, or if it is never polled
   */
  async run(id: string): Promise<RunResult> {
    const { control, duties, isMine, clock, signal } = this.#options;
    const duty = duties.get(id);
    if (duty === undefined) throw this.#unknown(id);
    if (!duty.endpoint.isPolled)
      throw new FatalError('endpoint_not_polled', `${id} is never polled: its events come to POST /hooks/${id}`);
    if (isMine(id)) return resultOf(await duty.runner.run());
    const before = (await control.report(id))?.lastRun?.endedAt;
    await this.command(id, 'run');
    for (;;) {
      signal.throwIfAborted();
      const { run = null, lastRun = null } = (await control.report(id)) ?? {};
      if (lastRun !== null && lastRun.endedAt !== before) {
        const { startedAt, endedAt, ...counts } = lastRun;
        const durationMs = Date.parse(endedAt) - Date.parse(startedAt);
        return { endpoint: id, run: run ?? 0, durationMs, ...counts };
      }
      await clock.sleep(LOOK, signal);
    }
  }

  /**
   * Takes a record of this program. Resolves when RabbitMQ has confirmed it.
   * @throws FatalError if it is not valid, RetryableError if it could not be taken for a while
   */
  async send(entity: string, record: unknown): Promise<SentRecord> {
    const { records, clock, signal } = this.#options;
    const until = clock.monotonic() + PATIENCE;
    for (;;) {
      signal.throwIfAborted();
      try {
        return await interruptible(records.send(entity, record), signal);
      } catch (error) {
        const refused = error instanceof Refused ? error : undefined;
        if (refused !== undefined && refused.outcome !== 'not_now')
          throw new FatalError('record_refused', `${refused.message}; it was not sent`);
        if (refused === undefined && !(error instanceof RetryableError)) throw error;
        if (clock.monotonic() > until)
          throw new RetryableError('not_taken', `a record of ${entity} could not be sent: ${describeError(error)}`);
        await clock.sleep(AGAIN, signal);
      }
    }
  }

  /**
   * Whether consumers have settled the record, and all that was sent at the same time: each is written, or a duplicate, or a dead letter.
   * @throws Error while Redis is away
   */
  async isSettled({ numbers }: Pick<SentRecord, 'numbers'>): Promise<boolean> {
    const { publications } = this.#options;
    if (publications === undefined || numbers.length === 0)
      throw new FatalError(
        'nothing_noted',
        'without Redis nobody notes what is settled, so nothing is known as durable',
      );
    const noted = numbers.map(({ token, queue, from, to, count }) => {
      return { token, endpoint: '', counts: { [queue]: count }, ranges: { [queue]: [from, to] as const } };
    });
    return (await publications.recount(noted)).every((one) => missingOf(one) <= 0);
  }

  #unknown(id: string): FatalError {
    const known = [...this.#options.duties.keys()].join(', ') || 'none';
    return new FatalError(
      'endpoint_unknown',
      `there is no endpoint "${id}" that is enabled; expected one of: ${known}`,
    );
  }
}

function resultOf({ endpoint, run, records, published, durationMs, error }: PollSummary): RunResult {
  return { endpoint, run, records, published, durationMs, ...(error === undefined ? {} : { error }) };
}
