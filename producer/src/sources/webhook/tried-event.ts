import { type Clock, FatalError, hookOf } from '@tributary/shared';
import type { Endpoint } from '../../endpoint.js';
import type { Page, Source } from '../port.js';
import { RecordsOfEvent, readEvent } from './event.js';
import { Refused } from './refused.js';

const FORM = 'application/x-www-form-urlencoded';

/** An event that a person shows, in the place of what would be sent: to see what becomes of it. Its sender is not checked. */
export class TriedEvent implements Source {
  readonly countsPages = false;
  readonly #page: Page;

  /**
   * @param text the body as it would be sent: JSON, or a form
   * @throws FatalError if the endpoint has no door, or if the event holds no records
   */
  constructor({ id, config }: Endpoint, text: string, clock: Pick<Clock, 'now'>) {
    const hook = hookOf(config);
    if (hook === undefined) throw new FatalError('no_door', `${id} has no door for events: it is only polled`);
    const now = clock.now();
    try {
      const event = readEvent(Buffer.from(text), /^\s*[[{"]/.test(text) ? 'application/json' : FORM, hook.payload);
      const came = { headers: {}, received: new Date(now).toISOString() };
      this.#page = {
        records: new RecordsOfEvent(hook.items).of(event, came),
        fetchedAt: now,
        serverTime: undefined,
      };
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      throw new FatalError('event_refused', `the door would answer ${error.status}: ${error.message}`, {
        cause: error,
      });
    }
  }

  async *pages(): AsyncGenerator<Page, void, undefined> {
    yield this.#page;
  }
}
