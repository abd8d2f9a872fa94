import { createHash } from 'node:crypto';
import { isUsableKey, versionOrder } from '@tributary/shared';
import type { KnownKey, RunKeys } from '../cursor/known-keys.js';
import type { Endpoint } from '../endpoint.js';
import type { OutgoingMessage } from '../publish/messages.js';
import type { PublishRun } from '../publish/publish-run.js';
import type { Outgoing } from './outgoing.js';

/** So many keys are noted together. */
const BATCH = 500;

/** How many records a walk missed. */
export interface Missing {
  readonly live: number;
  /** Those that another endpoint of the entity has: they are not gone. */
  readonly moved: number;
  /** Those whose tombstones are published already: the API had marked them, or they are buried. */
  readonly marked: number;
}

/**
 * Watches which keys an endpoint with `deletes.missing` brings in a run: each is noted before its message is published. So a record
 * that reached its dataset is known, even if the run dies right after.
 */
export class KeyWatch implements Outgoing {
  readonly endpoint: Endpoint;
  readonly keys: RunKeys;
  readonly #messages: Pick<PublishRun, 'publish'>;
  readonly #compares: boolean;
  #waiting: { readonly message: OutgoingMessage; readonly isMarked: boolean }[] = [];
  /** Records of this run that earlier runs had brought. */
  #earlier = 0;
  #keyless = 0;
  readonly #sum = new Uint32Array(4);

  /** @param compares whether walks are compared with each other, which costs a microsecond for each record */
  constructor(endpoint: Endpoint, keys: RunKeys, messages: Pick<PublishRun, 'publish'>, compares: boolean) {
    this.endpoint = endpoint;
    this.keys = keys;
    this.#messages = messages;
    this.#compares = compares;
  }

  async begin(): Promise<void> {
    this.#keyless = 0;
    this.#sum.fill(0);
    await this.keys.begin();
  }

  publish(message: OutgoingMessage, isMarked: boolean): Promise<void> | undefined {
    this.#waiting.push({ message, isMarked });
    return this.#waiting.length < BATCH ? undefined : this.flush();
  }

  async flush(): Promise<void> {
    const waiting = this.#waiting.splice(0);
    if (waiting.length === 0) return;
    const noted = new Map<string, KnownKey>();
    for (const { message, isMarked } of waiting) {
      const { key, version } = message.envelope;
      if (key === undefined) this.#keyless += 1;
      // A key that no row can have is never in the dataset.
      else if (isUsableKey(key)) {
        const order = versionOrder(version, '').trimEnd();
        const before = noted.get(key)?.version ?? '';
        noted.set(key, { key, version: before > order ? before : order, isMarked });
        if (this.#compares) this.#add(`${key} ${version}`);
      }
    }
    this.#earlier += await this.keys.note([...noted.values()]);
    for (const { message } of waiting) {
      const room = this.#messages.publish(message);
      if (room !== undefined) await room;
    }
  }

  /** Records without a usable key: each may be one that seems to be missing. */
  get keyless(): number {
    return this.#keyless;
  }

  /** Records of this run that earlier runs had brought, and not as deleted. */
  get earlier(): number {
    return this.#earlier;
  }

  async missing(evenBuried: boolean): Promise<Missing> {
    let live = 0;
    let moved = 0;
    let marked = 0;
    for await (const keys of this.keys.missing(evenBuried)) {
      const wereLive = keys.filter(({ isMarked }) => !isMarked);
      const own = await this.keys.own(wereLive, this.endpoint.sharesEntityWith);
      live += own.length;
      moved += wereLive.length - own.length;
      marked += keys.length - wereLive.length;
    }
    return { live, moved, marked };
  }

  /** Tells whether two walks saw the same keys in the same versions, each as often. */
  digest(): string {
    return this.#sum.join(' ');
  }

  /** The order does not count: records of children come as their requests are answered. */
  #add(text: string): void {
    const digest = createHash('sha256').update(text).digest();
    for (let lane = 0; lane < 4; lane++) {
      this.#sum[lane] = ((this.#sum[lane] ?? 0) + digest.readUInt32LE(lane * 4)) >>> 0;
    }
  }
}
