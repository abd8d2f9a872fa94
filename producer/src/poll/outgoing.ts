import type { OutgoingMessage } from '../publish/messages.js';
import type { PublishRun } from '../publish/publish-run.js';

/** Where the messages of one endpoint go within a run. */
export interface Outgoing {
  /**
   * @param isMarked whether it is a tombstone, because the API marks the record as deleted
   * @returns a promise to await before the next message; undefined if there is none
   */
  publish(message: OutgoingMessage, isMarked: boolean): Promise<void> | undefined;
  /** Publishes what waits. To be called at the end of each page. */
  flush(): Promise<void>;
}

/** Publishes each message at once. */
export function directly(messages: Pick<PublishRun, 'publish'>): Outgoing {
  return {
    publish: (message) => messages.publish(message),
    flush: () => DONE,
  };
}

const DONE = Promise.resolve();
