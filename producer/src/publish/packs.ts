import {
  canBePacked,
  PACK_CONTENT_TYPE,
  PACK_FORMAT,
  PACK_FORMAT_HEADER,
  PACK_HEADER,
  type PublishedNumber,
  packBodies,
  publishOptions,
} from '@tributary/shared';
import type { PublishOptions } from './channel.js';
import type { OutgoingMessage } from './messages.js';
import type { PublishRun } from './publish-run.js';

export interface PackBounds {
  readonly records: number;
  readonly bytes: number;
  /** Unconfirmed messages from which on records wait for others to be sent together. 0: they always do, if they come together. */
  readonly from?: number;
}

interface Filling {
  readonly run: PublishRun;
  readonly first: OutgoingMessage;
  readonly messages: OutgoingMessage[];
  bytes: number;
}

/** What the packs that are being filled are sent with, one after the other. */
export type SendPack = (messages: readonly OutgoingMessage[], run: PublishRun) => void;

/**
 * The records that wait to be sent together, by entity. What is in one pack came with one page: the ids of its records are made of the
 * pack's, which has the time of the fetch.
 */
export class Packs {
  readonly #bounds: PackBounds;
  readonly #send: SendPack;
  readonly #filling = new Map<string, Filling>();

  constructor(bounds: PackBounds, send: SendPack) {
    this.#bounds = bounds;
    this.#send = send;
  }

  has(entity: string): boolean {
    return this.#filling.has(entity);
  }

  /**
   * Adds a record to the pack of its entity. A pack that is full is sent, and one that the record does not fit into.
   * @param most bytes of a message, at most
   */
  add(message: OutgoingMessage, run: PublishRun, most: number): void {
    const { entity } = message.envelope;
    const { length } = message.body;
    const before = this.#filling.get(entity);
    const room = Math.min(this.#bounds.bytes, most);
    if (before !== undefined && (before.bytes + length + 1 > room || !belongsTo(before, message, run)))
      this.send(entity);
    const filling = this.#filling.get(entity) ?? { run, first: message, messages: [], bytes: -1 };
    this.#filling.set(entity, filling);
    filling.messages.push(message);
    filling.bytes += length + 1;
    if (filling.messages.length >= this.#bounds.records || !canBePacked(message.body)) this.send(entity);
  }

  /** Sends the records of an entity that wait. */
  send(entity: string): void {
    const filling = this.#filling.get(entity);
    if (filling === undefined) return;
    this.#filling.delete(entity);
    this.#send(filling.messages, filling.run);
  }

  /** Sends all records that wait. */
  sendAll(): void {
    for (const entity of [...this.#filling.keys()]) this.send(entity);
  }
}

function belongsTo({ run: itsRun, first }: Filling, { envelope, body }: OutgoingMessage, run: PublishRun): boolean {
  const { endpoint, fetchedAt } = first.envelope;
  return itsRun === run && endpoint === envelope.endpoint && fetchedAt === envelope.fetchedAt && canBePacked(body);
}

/** The message of these records; a record alone stays as it is. */
export function messageOf(messages: readonly [OutgoingMessage, ...OutgoingMessage[]]): OutgoingMessage {
  const [first] = messages;
  if (messages.length === 1) return first;
  // Key and version are of each record; the trace is that of the first.
  const envelope = { ...first.envelope, key: undefined, version: '' };
  return { envelope, body: packBodies(messages.map(({ body }) => body)) };
}

/** The properties of the message of so many records. */
export function optionsOf({ envelope }: OutgoingMessage, records: number, number?: PublishedNumber): PublishOptions {
  const options = publishOptions(envelope, number);
  if (records === 1) return options;
  return {
    ...options,
    contentType: PACK_CONTENT_TYPE,
    headers: { ...options.headers, [PACK_HEADER]: records, [PACK_FORMAT_HEADER]: PACK_FORMAT },
  };
}
