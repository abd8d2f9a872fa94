import {
  type Entity,
  isPack,
  PACK_HEADER,
  PoisonError,
  packWithout,
  REPLAY_HEADER,
  type SeenAgain,
} from '@tributary/shared';
import { type Claims, type Deduplicated, dedupe } from './claim/claims.js';
import type { DeadLetters } from './dead-letters/dead-letters.js';
import type { ErasedKeys } from './erase/erasure.js';
import { decode, type Incoming } from './intake/decode.js';
import type { Intake } from './intake/intake.js';
import type { KnownOfEntity } from './intake/known-records.js';
import { formatFault } from './intake/later.js';
import { oneAhead } from './intake/one-ahead.js';
import { bytesOf, headersOf, keyIn, nameKey } from './intake/packed.js';
import type { Delivery } from './intake/settle.js';
import { ENDS_CONSUMER } from './intake/suspects.js';
import { findTooOld, type TooOldOptions } from './intake/too-old.js';
import type { Entry, MergeStep } from './merge/merge.js';
import type { Reporter } from './metrics/report.js';
import type { BatchTraces } from './metrics/traces.js';
import type { Batcher } from './write/batch.js';

/** The steps that the records of one entity take. */
export interface Steps {
  readonly entity: Entity;
  readonly intake: Intake;
  readonly deadLetters: Pick<DeadLetters, 'bury' | 'room' | 'forget'>;
  readonly known: KnownOfEntity;
  readonly claims: Claims;
  readonly merge: MergeStep;
  readonly batch: Batcher<Entry>;
  readonly report: Reporter;
  /** Tells of what is judged; undefined where nothing is traced. */
  readonly traces?: BatchTraces | undefined;
  /** Keys whose records are acknowledged and forgotten. */
  readonly erased: ErasedKeys;
  /** The same as of now, for records that would be buried. */
  readonly erasedNow: () => Promise<ErasedKeys>;
  /** Which records are kept no longer; undefined where all are kept. */
  readonly tooOld?: TooOldOptions | undefined;
  readonly seenAgain: Pick<SeenAgain, 'note'>;
  /** Names this consumer for people. */
  readonly instance: string;
}

/**
 * The story of the consumer. Deliveries of one queue are decoded and validated, deduplicated by content, merged with
 * the other side, and gathered into batches. A batch is written, committed and only then acknowledged (flush.ts).
 * Records that can never be written go to the dead letters, also those that only the sink finds to be so; records that need no
 * row are acknowledged at once.
 */
export async function consume(steps: Steps): Promise<void> {
  const { intake, claims, merge, batch } = steps;
  for await (const judged of oneAhead(intake, (deliveries) => judge(deliveries, steps))) {
    for (const { delivery } of [...judged.duplicates, ...judged.stale]) delivery.ack();
    for (const { delivery } of judged.busy) intake.putBack(delivery);
    const { entries, waiting } = await merge.merge([...judged.kept, ...judged.fresh]);
    batch.add(entries);
    for (const one of waiting) {
      claims.keep(one);
      intake.putBack(one.delivery);
    }
    // Records are judged faster than they are written, and each takes memory until it is.
    await batch.room();
  }
}

/** Which of these deliveries hold anything new. Those that cannot be read are buried. */
async function judge(deliveries: readonly Delivery[], steps: Steps): Promise<Deduplicated> {
  const { entity, known, claims, deadLetters, report, traces } = steps;
  const incoming = await withoutTooOld(await decodeAll(deliveries, steps), steps);
  const claim = () => dedupe(incoming, entity.config.dataset, claims);
  const judged = await (traces === undefined ? claim() : traces.claim(entity, incoming, claim));
  for (const { isKnown, delivery, record } of judged.duplicates) {
    if (!isKnown) known.keep(bytesOf(delivery.message), record);
  }
  const replayed = judged.duplicates.filter(({ delivery }) => isReplayed(delivery));
  await Promise.all(replayed.map(({ delivery }) => deadLetters.forget(delivery, entity.config.queue)));
  report.judged(entity.name, judged);
  noteDropped(judged, steps);
  return judged;
}

const isReplayed = ({ message }: Delivery): boolean => headersOf(message)?.[REPLAY_HEADER] !== undefined;

/** Notes for people who trace a record which records came again: one note for a micro-batch. Nothing waits for it. */
function noteDropped({ duplicates, stale }: Deduplicated, { entity, seenAgain, instance }: Steps): void {
  if (duplicates.length === 0 && stale.length === 0) return;
  const keysOf = (dropped: readonly Incoming[]) => dropped.map(({ row }) => row.key);
  const keys = { duplicate: keysOf(duplicates), stale: keysOf(stale) };
  seenAgain.note({ consumer: instance, dataset: entity.config.dataset, keys });
}

/** What is kept no longer is acknowledged and forgotten. */
async function withoutTooOld(
  incoming: readonly Incoming[],
  { entity, tooOld, report }: Steps,
): Promise<readonly Incoming[]> {
  if (tooOld === undefined) return incoming;
  const old = await findTooOld(incoming, tooOld);
  if (old.size === 0) return incoming;
  for (const { delivery } of old) delivery.ack();
  report.tooOld(
    [...old].map(({ delivery }) => delivery),
    entity,
  );
  return incoming.filter((one) => !old.has(one));
}

async function decodeAll(deliveries: readonly Delivery[], steps: Steps): Promise<Incoming[]> {
  const { entity, known, deadLetters, report, erased } = steps;
  const incoming: Incoming[] = [];
  for (const delivery of deliveries) {
    try {
      if (delivery.refused !== undefined) throw delivery.refused;
      const one = decode(delivery, entity, known);
      if (erased.has(entity.name, one.record.key)) {
        forget(delivery, steps);
        continue;
      }
      report.unknownFields(one);
      incoming.push(one);
    } catch (error) {
      if (!(error instanceof PoisonError)) throw error;
      await buryWhatMayLie(delivery, error, steps);
    }
  }
  report.tellUnknownFields();
  // While there is no room for more dead letters, the queue waits.
  await deadLetters.room(entity.config.queue);
  return incoming;
}

/** Buries a record that cannot be written, as far as its key, or those in a pack, were not erased. */
async function buryWhatMayLie(delivery: Delivery, error: PoisonError, steps: Steps): Promise<void> {
  const rest = await whatMayLie(delivery, error, steps);
  if (rest === undefined) forget(delivery, steps);
  else bury(rest, error, steps);
}

/** Nothing waits for it: a record that cannot be put on the dead letters is held aside, and the records beside it go on. */
function bury(delivery: Delivery, error: PoisonError, steps: Steps): void {
  const { entity, deadLetters, report } = steps;
  let rest: Delivery | undefined = delivery;
  const late = {
    mustNotLie: async () => {
      rest = await whatMayLie(delivery, error, steps);
      return rest !== delivery;
    },
    forget: () => (rest === undefined ? forget(delivery, steps) : bury(rest, error, steps)),
  };
  // Not even its key is read of a record that ends the process that reads it.
  if (error.code !== ENDS_CONSUMER) nameKey(delivery.message, entity);
  const onBuried = (isNew: boolean) => report.dead(delivery, entity.name, error, isNew);
  deadLetters.bury(delivery, entity.config.queue, error, onBuried, late);
}

/**
 * What may lie with the dead letters of a message that cannot be written: nothing of keys that were erased. Of a pack that is buried whole the other
 * records may. Of a record that ends the process that reads it not even the key is read, and nobody knows what a pack of a later form holds.
 * @returns undefined if nothing may
 */
async function whatMayLie(
  delivery: Delivery,
  { code }: PoisonError,
  { entity, erasedNow }: Steps,
): Promise<Delivery | undefined> {
  const erased = await erasedNow();
  if (!erased.hasAny(entity.name) || code === ENDS_CONSUMER) return delivery;
  const { message } = delivery;
  const isErased = (body: Buffer) => {
    const key = keyIn(body, entity);
    return key !== undefined && erased.has(entity.name, key);
  };
  if (!isPack(message.properties)) return isErased(message.content) ? undefined : delivery;
  if (formatFault(message) !== undefined) return delivery;
  const { content, taken, left } = packWithout(message.content, isErased);
  if (taken === 0) return delivery;
  if (left === 0) return undefined;
  const headers = { ...message.properties.headers, [PACK_HEADER]: left };
  return delivery.as({ content, fields: message.fields, properties: { ...message.properties, headers } });
}

/** A record of a key that was erased: it must not come back, nor may it lie in the dead letters. */
function forget(delivery: Delivery, { entity, report }: Steps): void {
  report.erased(delivery, entity);
  delivery.ack();
}
