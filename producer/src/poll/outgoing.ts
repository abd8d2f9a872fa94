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
 * Tells other endpoints of the same entity, which note their keys, what version each key has by now, and then publishes. The other way
 * round, a run that died in between would leave a row that is newer than all that they know, and the next run may not bring it again.
 *
 * @param others ids of the other endpoints
 */
export function heard(outgoing: Outgoing, known: Pick<KnownKeys, 'hear'>, others: readonly string[]): Outgoing {
  const waiting: { readonly message: OutgoingMessage; readonly isMarked: boolean }[] = [];
  const flush = async () => {
    const messages = waiting.splice(0);
    const keys = messages.flatMap(({ message: { envelope } }) =>
      envelope.key === undefined ? [] : [{ key: envelope.key, version: versionOrder(envelope.version, '').trimEnd() }],
    );
    for (const other of others) await known.hear(other, keys);
    for (const { message, isMarked } of messages) {
      const room = outgoing.publish(message, isMarked);
      if (room !== undefined) await room;
    }
    await outgoing.flush();
  };
  return {
    publish(message, isMarked) {
      waiting.push({ message, isMarked });
      return waiting.length < BATCH ? undefined : flush();
    },
    flush,
  };
}
