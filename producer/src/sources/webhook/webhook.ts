import type { Page, Source } from '../port.js';

/** Nothing is asked: events come to the door (see door.ts). A poll that a person asks for all the same finds nothing. */
export class WebhookSource implements Source {
  readonly countsPages = false;

  async *pages(): AsyncGenerator<Page, void, undefined> {}
}
