import { FatalError, RetryableError } from '@tributary/shared';
import { type Answer, type FetchOptions, fetchAnswer } from '../../sources/rest/fetch.js';
import type { HttpRequest } from '../../sources/rest/request/http-request.js';

/** The most that is read of one answer, in bytes: enough for a page, and little enough to look at. */
export const MOST_BYTES = 64 * 1024 * 1024;

/**
 * Sends requests within a budget, and remembers every answer: what was asked once is not asked again, however many guesses are
 * tried on it.
 */
export class Recorder {
  readonly #budget: number;
  readonly #answers = new Map<string, Answer>();
  /** How many requests are kept for what comes later. */
  reserved = 0;
  #asked = 0;
  #last: Answer | undefined;
  #wasSent = false;

  /** @param budget how many requests may be sent */
  constructor(budget: number) {
    this.#budget = budget;
  }

  /** How many requests were sent. */
  get asked(): number {
    return this.#asked;
  }

  /** How many more may be sent. */
  get left(): number {
    return this.#budget - this.#asked - this.reserved;
  }

  /** Whether the last answer came now, and was not remembered. */
  get wasSent(): boolean {
    return this.#wasSent;
  }

  /** The answer to the request that was made last, sent or remembered. */
  get last(): Answer | undefined {
    return this.#last;
  }

  /** Whether the API refused the request that was made last, as one that does not know a parameter does. */
  get isRefused(): boolean {
    const { status = 0 } = this.#last ?? {};
    return status >= 400 && status < 500 && status !== 429;
  }

  /** @throws FatalError if no more requests may be sent; as fetchAnswer does */
  readonly exchange = async (request: HttpRequest, options: FetchOptions): Promise<Answer> => {
    const key = JSON.stringify([request.method, request.address.href, request.headers, request.body]);
    const known = this.#answers.get(key);
    this.#last = known;
    this.#wasSent = known === undefined;
    if (known !== undefined) return known;
    if (this.left <= 0) {
      throw new FatalError(
        'budget_spent',
        `${this.#budget} requests were sent, and no more may be; --requests allows more`,
      );
    }
    this.#asked += 1;
    const answer = await fetchAnswer(request, options);
    this.#last = answer;
    // An API that asks to wait may answer the same request later.
    if (answer.status < 429) this.#answers.set(key, answer);
    return answer;
  };
}

/** Whether an error says that nothing more may be asked, and so nothing of the API. */
export const isSpent = (error: unknown): boolean =>
  (error instanceof FatalError || error instanceof RetryableError) && error.code === 'budget_spent';
