import type { Logger } from '@tributary/shared';

/** What is missing in the last walk of an endpoint, and was not deleted. */
export interface NotDeleted {
  readonly records: number;
  readonly reason: string;
}

/** Tells once that records are missing and are not deleted, and once that it is over, however many polls find the same. */
export class MissingNews {
  readonly #log: Pick<Logger, 'info' | 'warn'>;
  /** By endpoint: the reason that was told, without its numbers. */
  readonly #told = new Map<string, string>();

  constructor(log: Pick<Logger, 'info' | 'warn'>) {
    this.#log = log;
  }

  /** @param notDeleted undefined if nothing is missing, or if it was deleted */
  tell(endpoint: string, run: number, notDeleted: NotDeleted | undefined): void {
    const reason = notDeleted?.reason.replaceAll(/\d+/g, '');
    if (this.#told.get(endpoint) === reason) return;
    if (reason === undefined) {
      this.#told.delete(endpoint);
      this.#log.info({ endpoint, run }, 'no record is missing any more without being deleted');
      return;
    }
    this.#told.set(endpoint, reason);
    this.#log.warn(
      { endpoint, run, ...notDeleted, advice: ADVICE },
      'records are missing, and none of them is deleted',
    );
  }
}

const ADVICE =
  'each complete walk compares again, so nothing is lost; if they are really gone, raise deletes.atMost for one poll; if not, look at what the API answers and at the paging settings';
