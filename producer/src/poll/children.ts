import { describeError, FatalError, RetryableError } from '@tributary/shared';
import pMap from 'p-map';
import type { Endpoint } from '../endpoint.js';
import type { OutgoingMessage } from '../publish/messages.js';
import type { Shape } from '../shape/shape.js';
import { GONE, type Page, type Source } from '../sources/port.js';
import type { Outgoing } from './outgoing.js';
import type { PageTraces } from './page-traces.js';
import type { PollProgress } from './progress.js';
import { type Publishing, publishPage } from './publish-page.js';

/** An endpoint that is polled for each record of another, with what it is polled by. */
export interface Child {
  readonly endpoint: Endpoint;
  readonly source: Source;
  readonly shape: Shape;
  readonly children: readonly Child[];
}

/** An endpoint whose records others are polled for. */
type Parent = Pick<Child, 'endpoint' | 'shape'>;

/** A child within one run of its parent. */
interface RunningChild {
  readonly endpoint: Endpoint;
  readonly source: Source;
  readonly shape: Shape;
  readonly progress: PollProgress;
  readonly messageOf: (record: unknown, fetchedAt: number) => OutgoingMessage;
  readonly children: Children;
}

export interface ChildrenOptions {
  /** Where the messages of an endpoint go. */
  outgoing(endpoint: Endpoint): Outgoing;
  /** To be awaited before records of the page are published. */
  onPage(endpoint: Endpoint, page: Page): Promise<void>;
  /** A record without a key is not published. */
  onLeftOut(endpoint: Endpoint): void;
  progressOf(endpoint: Endpoint): PollProgress;
  messageMakerOf(endpoint: Endpoint): (record: unknown, fetchedAt: number) => OutgoingMessage;
  /** Tells of each page; undefined where nothing is traced. */
  readonly traces: PageTraces | undefined;
  readonly signal: AbortSignal;
}

/** So many records at a time have their children asked for; the limits of the hosts hold beside that. */
const SIDE_BY_SIDE = 16;

/**
 * The children of an endpoint within one run: for each record that the run brings, each child is polled, and what it gives is
 * published with the run's other messages. A child that fails costs no other; when all are done, the run fails by it, so that
 * the parent's mark stays, and the next run brings the record again.
 */
export class Children {
  readonly #children: readonly RunningChild[];
  readonly #options: ChildrenOptions;
  readonly #failures: string[] = [];
  #isFatal = true;
  /** Before when the API asked a child not to be asked again. */
  #notBefore: number | undefined;

  constructor(children: readonly Child[], options: ChildrenOptions) {
    this.#options = options;
    this.#children = children.map(({ endpoint, source, shape, children: grandchildren }) => ({
      endpoint,
      source,
      shape,
      progress: options.progressOf(endpoint),
      messageOf: options.messageMakerOf(endpoint),
      children: new Children(grandchildren, options),
    }));
  }

  /** Polls every child for each of these records of the parent, side by side. @throws the signal's reason once it has aborted */
  async pollFor(parent: Parent, records: readonly unknown[]): Promise<void> {
    if (this.#children.length === 0 || records.length === 0) return;
    const pairs = records.flatMap((record) => this.#children.map((child) => ({ record, child })));
    await pMap(pairs, ({ record, child }) => this.#poll(parent, record, child), { concurrency: SIDE_BY_SIDE });
  }

  /** What each child came to. */
  get progress(): readonly PollProgress[] {
    return this.#children.flatMap(({ progress, children }) => [progress, ...children.progress]);
  }

  /** @throws RetryableError or FatalError if a child failed, for this one or for one of its children */
  throwFailures(): void {
    for (const { children } of this.#children) children.throwFailures();
    const [first] = this.#failures;
    if (first === undefined) return;
    const others = this.#failures.length === 1 ? '' : ` (and ${this.#failures.length - 1} more)`;
    const message = `${first}${others}; the records of the other children are under way, and the next run asks again`;
    throw this.#isFatal
      ? new FatalError('child_failed', message)
      : new RetryableError('child_failed', message, { notBefore: this.#notBefore });
  }

  async #poll(parent: Parent, record: unknown, child: RunningChild): Promise<void> {
    const { signal, onPage, traces } = this.#options;
    const { endpoint, source, progress, children } = child;
    const publishing: Publishing = {
      ...child,
      outgoing: this.#options.outgoing(endpoint),
      onLeftOut: () => this.#options.onLeftOut(endpoint),
      traces,
    };
    let hasPages = false;
    try {
      const asked = source.pages({ variables: { parent: record }, validators: [], signal });
      for await (const page of traces === undefined ? asked : traces.pages(endpoint, asked)) {
        hasPages = true;
        progress.page(page);
        await onPage(endpoint, page);
        const published = await publishPage(page, publishing);
        await children.pollFor(child, published);
      }
    } catch (error) {
      signal.throwIfAborted();
      const isOfTheApi = error instanceof RetryableError || error instanceof FatalError;
      if (!isOfTheApi) throw error;
      // The record was gone: its parent was read a moment before. On a later page it is a fault: what came before it was there.
      if (!hasPages && GONE.has(error.code)) return progress.goneFor(nameOf(parent, record), error.message);
      this.#isFatal &&= error instanceof FatalError;
      if (error instanceof RetryableError && error.notBefore !== undefined) {
        this.#notBefore = Math.max(error.notBefore, this.#notBefore ?? 0);
      }
      this.#failures.push(`for ${nameOf(parent, record)}: ${describeError(error)}`);
    }
  }
}

const nameOf = ({ endpoint: { id, entity }, shape }: Parent, record: unknown): string =>
  `${id} ${entity.keyOf(shape.of(record).record) ?? '(without a key)'}`;
