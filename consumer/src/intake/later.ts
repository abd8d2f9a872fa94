import {
  type Clock,
  describeValue,
  isPack,
  type Logger,
  PACK_FORMAT,
  PACK_FORMAT_HEADER,
  PoisonError,
  RECORD_FORMAT,
  RECORD_FORMAT_HEADER,
} from '@tributary/shared';
import type { BrokerMessage } from './channel.js';
import type { Delivery } from './settle.js';

/** The forms of messages: which header tells it, and which one this version reads. */
const PACK = { header: PACK_FORMAT_HEADER, read: PACK_FORMAT, code: 'pack_format', what: 'a pack' };
const RECORD = { header: RECORD_FORMAT_HEADER, read: RECORD_FORMAT, code: 'record_format', what: 'a record' };

/** Why a message cannot be read, if it is of a form that this version does not know; undefined otherwise. Nothing of its body is looked at. */
export function formatFault({ properties }: Pick<BrokerMessage, 'properties'>): PoisonError | undefined {
  const { header, read, code, what } = isPack(properties) ? PACK : RECORD;
  const found: unknown = properties.headers?.[header];
  if (found === undefined || found === read) return undefined;
  const words = `the message is ${what} of format ${describeValue(found)}, and this consumer reads format ${read}`;
  return new PoisonError(code, `${words}; update the consumers, then replay it`);
}

/**
 * Milliseconds for which a consumer keeps messages of a later form, from the first on. In a rolling upgrade it is replaced before. One that is not,
 * buries them: other records wait behind them, and a program may have written anything there.
 */
export const KEPT = 10 * 60_000;

export interface LaterOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly queue: string;
  /** Called with why messages wait, and with undefined when none does any more. */
  readonly onProblem: (problem: string | undefined) => void;
  /** Gives out a delivery that is refused, to be buried. */
  readonly giveOut: (delivery: Delivery) => void;
  /** Aborted when the session has ended: what is kept is delivered again, to whichever consumer is there then. */
  readonly over: AbortSignal;
}

/**
 * Messages of one queue that only a consumer of a later version can read. They are kept, neither acknowledged nor guessed at, until this
 * consumer is replaced; records of forms that it knows go on meanwhile, unless as many are kept as the broker gives out.
 */
export class LaterMessages {
  /** How many are kept. */
  held = 0;
  readonly #options: LaterOptions;
  #until: number | undefined;

  constructor(options: LaterOptions) {
    this.#options = options;
    options.over.addEventListener('abort', () => {
      if (this.held > 0) options.onProblem(undefined);
    });
  }

  hold(delivery: Delivery, fault: PoisonError): void {
    const { clock, log, queue, onProblem, giveOut, over } = this.#options;
    delivery.refused = fault;
    if (this.#until === undefined) {
      this.#until = clock.monotonic() + KEPT;
      const words = `${fault.message}. It waits in queue "${queue}", as do others like it, for ${KEPT / 60_000} minutes: then they go to the dead letters`;
      log.error({ queue, code: fault.code }, words);
      onProblem(words);
    }
    this.held += 1;
    void clock.sleep(this.#until - clock.monotonic(), over).then(() => {
      this.held -= 1;
      if (over.aborted) return;
      if (this.held === 0) onProblem(undefined);
      giveOut(delivery);
    });
  }
}
