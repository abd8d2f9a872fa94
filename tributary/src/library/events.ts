import type { DeadRecord } from '@tributary/consumer';
import type { AlertNews } from '@tributary/dashboard';
import type { PollSummary } from '@tributary/producer';
import { FatalError } from '@tributary/shared';

/** A row that is durable. */
export interface WrittenRow {
  readonly key: string;
  /** The columns' values by name; null if the row closes its key: the record was deleted. */
  readonly values: Readonly<Record<string, unknown>> | null;
  /** Of the message that brought it; of a merged row those of all sides, with a space between. */
  readonly messageId: string;
}

/** Rows of one dataset that became durable together. */
export interface Written {
  readonly dataset: string;
  readonly rows: readonly WrittenRow[];
}

/** What a pipeline tells its program. Each is told once at most; nothing waits for a listener. */
export interface PipelineEvents {
  /** Rows that this process has written. */
  readonly written: Written;
  /** A record that can never be written as it is; it lies with the dead letters. */
  readonly dead: DeadRecord;
  /** A poll has ended. One that failed has an `error`. */
  readonly run: PollSummary;
  /** An alert of the pipeline file begins to fire, or ends. Of several processes that share a Redis, one tells it. */
  readonly alert: AlertNews;
  /**
   * Something that no call tells: what keeps a service from its work for some seconds, or a listener that failed. After a `FatalError` nothing flows any
   * more: stop the pipeline and start another.
   */
  readonly error: Error;
}

export type EventName = keyof PipelineEvents;
export type Listener<K extends EventName> = (event: PipelineEvents[K]) => unknown;

type Listeners = { readonly [K in EventName]: Set<Listener<K>> };

/** Calls listeners. One that fails disturbs neither the pipeline nor the other listeners. */
export class Events {
  readonly #listeners: Listeners = {
    written: new Set(),
    dead: new Set(),
    run: new Set(),
    alert: new Set(),
    error: new Set(),
  };
  readonly #onFailed: (error: unknown) => void;

  /** @param onFailed is told what a listener of `error` has thrown, and what a listener has thrown while there is none for `error` */
  constructor(onFailed: (error: unknown) => void) {
    this.#onFailed = onFailed;
  }

  /**
   * @returns a function that ends it
   * @throws FatalError for an event that there is not, and for what is no function
   */
  on<K extends EventName>(name: K, listener: Listener<K>): () => void {
    if (!Object.hasOwn(this.#listeners, name)) {
      const known = Object.keys(this.#listeners).join(', ');
      throw new FatalError('event_unknown', `there is no event "${String(name)}": expected one of ${known}`);
    }
    if (typeof listener !== 'function')
      throw new FatalError('listener_invalid', `the listener of "${name}" is no function`);
    const listeners: Set<Listener<K>> = this.#listeners[name];
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  has(name: EventName): boolean {
    return this.#listeners[name].size > 0;
  }

  emit<K extends EventName>(name: K, event: PipelineEvents[K]): void {
    const listeners: Set<Listener<K>> = this.#listeners[name];
    for (const listener of [...listeners]) {
      try {
        const result = listener(event);
        if (result instanceof Promise) result.catch((error: unknown) => this.#failed(name, error));
      } catch (error) {
        this.#failed(name, error);
      }
    }
  }

  #failed(name: EventName, cause: unknown): void {
    if (name === 'error' || !this.has('error')) this.#onFailed(cause);
    else this.emit('error', new Error(`a listener of "${name}" has failed`, { cause }));
  }
}
