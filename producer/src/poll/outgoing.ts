import { versionOrder } from '@tributary/shared';
import type { KnownKeys } from '../cursor/known-keys.js';
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

/** So many keys are told together. */
const BATCH = 500;

/**
 * Publishes each message at once, and tells other endpoints of the same entity, which note their keys, what version each key has by
 * now. That may be after the publish: a run that dies in between is repeated.
 *
 * @param others ids of the other endpoints
 */
export function heard(outgoing: Outgoing, known: Pick<KnownKeys, 'hear'>, others: readonly string[]): Outgoing {
  let waiting: { key: string; version: string }[] = [];
  const flush = async () => {
    const keys = waiting;
    waiting = [];
    for (const other of others) await known.hear(other, keys);
    await outgoing.flush();
  };
  return {
    publish(message, isMarked) {
      const { key, version } = message.envelope;
      if (key !== undefined) waiting.push({ key, version: versionOrder(version, '').trimEnd() });
      const room = outgoing.publish(message, isMarked);
      return waiting.length < BATCH ? room : flush().then(() => room);
    },
    flush,
  };
}
