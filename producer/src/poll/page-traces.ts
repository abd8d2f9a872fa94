import type { Span, Telemetry } from '@tributary/shared';
import type { Endpoint } from '../endpoint.js';
import type { PublishRun } from '../publish/publish-run.js';
import { TracedRun } from '../publish/traced-run.js';
import type { Page } from '../sources/port.js';

/** The spans of the pages of one run: how long it took to get each, and to have its records confirmed. */
export class PageTraces {
  readonly #telemetry: Telemetry;
  readonly #messages: PublishRun;
  readonly #spans = new WeakMap<Page, Span>();

  constructor(telemetry: Telemetry, messages: PublishRun) {
    this.#telemetry = telemetry;
    this.#messages = messages;
  }

  /** The same pages. Each is fetched within a span, which ends when it is there. */
  async *pages(
    { id, entity, config }: Endpoint,
    pages: AsyncGenerator<Page, void, undefined>,
  ): AsyncGenerator<Page, void, undefined> {
    try {
      for (let number = 1; ; number++) {
        const attributes = {
          'tributary.endpoint': id,
          'tributary.entity': entity.name,
          'tributary.source': config.source,
          'tributary.page': number,
        };
        const span = this.#telemetry.start(`page ${id}`, { attributes });
        const { done, value: page } = await span
          .within(() => pages.next())
          .catch((error: unknown) => {
            span.fail(error);
            span.end();
            throw error;
          });
        // Nothing was asked to learn that there is no other page, as a rule.
        if (done) return span.hasParts ? span.end() : undefined;
        span.set({ 'tributary.records': page.records.length, 'tributary.not_modified': page.notModified === true });
        span.end();
        this.#spans.set(page, span);
        yield page;
      }
    } finally {
      await pages.return();
    }
  }

  /** Publishes the records of a page within a span, which ends when the broker has confirmed them. */
  async publish<T>(page: Page, { id, entity }: Endpoint, work: () => Promise<T>): Promise<T> {
    if (page.records.length === 0) return await work();
    const { queue } = entity.config;
    const count = { 'messaging.batch.message_count': page.records.length };
    const attributes = { ...publishing(queue, entity.name, id), ...count };
    const parent = this.#spans.get(page);
    const span = this.#telemetry.start(`publish ${queue}`, { kind: 'producer', attributes, parent });
    try {
      const result = await span.within(work);
      if (this.#messages instanceof TracedRun) this.#messages.endWhenConfirmed(span);
      return result;
    } catch (error) {
      span.fail(error);
      span.end();
      throw error;
    }
  }
}

/** What a span tells of records on their way to a queue. */
export const publishing = (queue: string, entity: string, endpoint: string) => ({
  'messaging.system': 'rabbitmq',
  'messaging.operation.type': 'send',
  'messaging.operation.name': 'publish',
  'messaging.destination.name': queue,
  'messaging.rabbitmq.destination.routing_key': entity,
  'tributary.endpoint': endpoint,
});
