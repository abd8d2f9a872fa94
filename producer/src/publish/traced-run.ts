import type { Span } from '@tributary/shared';
import type { OutgoingMessage } from './messages.js';
import type { MessageNumber } from './numbering.js';
import { PublishRun } from './publish-run.js';

/** The messages of a run whose spans end when the broker has confirmed what was published within them. */
export class TracedRun extends PublishRun {
  #published = 0;
  #settled = 0;
  /** In the order in which they end. */
  readonly #open: { readonly span: Span; readonly at: number }[] = [];

  override publish(message: OutgoingMessage): Promise<void> | undefined {
    this.#published += 1;
    return super.publish(message);
  }

  override settle(confirmed: boolean, number: MessageNumber | undefined, records = 1): void {
    this.#settled += records;
    this.#end();
    super.settle(confirmed, number, records);
  }

  override fail(error: Error): void {
    for (const { span } of this.#open.splice(0)) {
      span.fail(error);
      span.end();
    }
    super.fail(error);
  }

  /** Ends the span when as many messages are settled as were published until now. */
  endWhenConfirmed(span: Span): void {
    this.#open.push({ span, at: this.#published });
    this.#end();
  }

  #end(): void {
    while (this.#open[0] !== undefined && this.#open[0].at <= this.#settled) this.#open.shift()?.span.end();
  }
}
