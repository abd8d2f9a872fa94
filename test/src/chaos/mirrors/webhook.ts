import { createHmac, randomUUID } from 'node:crypto';
import { createRandom, type Random } from '../random.js';
import { Follower, KEYS } from './follow.js';
import type { CollectionName, MirrorKind } from './mirror.js';

/** Of the run's sender; the producers know it by the pipeline file. */
const SECRET = Buffer.from('chaos-webhook-secret');

/** A record as it is now; one that is gone has `gone`. */
type Event = Readonly<Record<string, unknown>>;

interface Sent {
  readonly collection: CollectionName;
  readonly event: Event;
}

/** Requests at a time, so that they overtake each other. */
const AT_A_TIME = 4;
/** Events in a request, at most. */
const TOGETHER = 20;
/** How many earlier events are kept, to be sent again. */
const REMEMBERED = 200;
/** The share of requests before which an event is sent that was sent before. */
const REPEATED = 0.2;
/** Milliseconds for an answer. */
const ANSWER = 15_000;

/** The CRM as a service that sends webhooks: each change until an answer is good, to any producer, in no order, and some again later. */
export const webhookMirror: MirrorKind = {
  async start({ api, seed, producers, signal }, release) {
    const random = createRandom(seed ^ 0x3eb);
    const sent: Sent[] = [];
    /** By collection and key, the version that was sent last. */
    const versions = new Map<string, string>();
    const nameOf = (collection: CollectionName, key: unknown) => `${collection} ${String(key)}`;

    const send = async (collection: CollectionName, events: readonly Event[]) => {
      const earlier = random() < REPEATED ? chosen(random, sent) : undefined;
      if (earlier !== undefined)
        await post(chosen(random, producers()) ?? '', earlier.collection, [earlier.event], signal);
      await post(chosen(random, producers()) ?? '', collection, events, signal);
      sent.push(...events.map((event) => ({ collection, event })));
      sent.splice(0, Math.max(0, sent.length - REMEMBERED));
    };

    const follower = new Follower({
      api,
      signal,
      async write({ collection, records, gone }) {
        const deleted = gone.map((key) => ({
          [KEYS[collection]]: key,
          updatedAt: justAfter(versions.get(nameOf(collection, key)) ?? ''),
          gone: true,
        }));
        const requests = [...slices(shuffled(random, [...records, ...deleted]), TOGETHER)];
        const work = async () => {
          for (let next = requests.pop(); next !== undefined; next = requests.pop()) await send(collection, next);
        };
        const works = await Promise.allSettled(Array.from({ length: AT_A_TIME }, work));
        for (const one of works) if (one.status === 'rejected') throw one.reason;
        for (const record of records) versions.set(nameOf(collection, record[KEYS[collection]]), record.updatedAt);
      },
    });
    release.add('the sender of webhooks', () => follower.end());
    const endpoint = (when: string) => ({
      source: 'webhook',
      sender: { type: 'standard-webhooks', secret: `whsec_${SECRET.toString('base64')}` },
      items: '$.events',
      deletes: { when },
    });
    return {
      endpoints: {
        customers: endpoint('archived == true'),
        products: endpoint('has(raw.gone)'),
      },
      server: undefined,
      isPolled: false,
      begin: () => follower.begin(),
      caughtUp: (until) => follower.caughtUp(until),
    };
  },
};

async function post(
  producer: string,
  collection: CollectionName,
  events: readonly Event[],
  signal: AbortSignal,
): Promise<void> {
  const body = JSON.stringify({ events });
  const id = `msg_${randomUUID()}`;
  const timestamp = String(Math.floor(Date.now() / 1_000));
  const signature = createHmac('sha256', SECRET).update(`${id}.${timestamp}.${body}`).digest('base64');
  const response = await fetch(`${producer}/hooks/${collection}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      'webhook-signature': `v1,${signature}`,
    },
    body,
    signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER)]),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`the door for ${collection} answers ${response.status}: ${text}`);
}

/** After this version, and before the next millisecond. */
const justAfter = (version: string): string => version.replace(/Z$/, '001Z');

const chosen = <T>(random: Random, items: readonly T[]): T | undefined => items[Math.floor(random() * items.length)];

const shuffled = <T>(random: Random, items: readonly T[]): T[] =>
  items
    .map((item) => [random(), item] as const)
    .toSorted(([a], [b]) => a - b)
    .map(([, item]) => item);

function* slices<T>(items: readonly T[], length: number): Generator<T[]> {
  for (let at = 0; at < items.length; at += length) yield items.slice(at, at + length);
}
