import { randomBytes } from 'node:crypto';
import {
  type Clock,
  type Dataset,
  datasetsOf,
  FatalError,
  type PipelineConfig,
  RetryableError,
} from '@tributary/shared';
import { createSink } from '../sinks/create.js';
import type { LandedRow, Sink } from '../sinks/port.js';
import { WriterLost } from '../writer-lost.js';
import { askFor, done, type Erasure, type Erasures, isPending } from './erasure.js';
import { holdsOf, type Where, whereIn } from './where.js';
import { refuseForeignOutput } from './written.js';

export interface EraseOptions {
  readonly config: PipelineConfig;
  readonly entity: string;
  readonly key: string;
  readonly postgresUrl: string | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Called when it is durable that the key may not come back, before any row goes. */
  readonly onNoted?: (erasure: Erasure) => Promise<void>;
}

/** What was erased, and what could not be looked at. */
export interface Erased extends Erasure {
  /** Rows that were read afterwards, of the datasets that may hold the record. */
  readonly rowsRead: number;
  /** Lines that are no rows, by the part that holds them: another program has changed them. They may hold the record. */
  readonly unread: Readonly<Record<string, number>>;
}

/**
 * Milliseconds that a consumer which has begun an epoch in between has for the rest, before another one is begun: it may have died. It doubles each time, for
 * one that lives begins from the start once it is interrupted, and a large output takes hours.
 */
const CONSUMER_HAS = 60_000;

/**
 * Removes the rows of a key from the output, and keeps that it may not come back.
 *
 * First it is noted beside the rows that the key may not come back, and what is to be done. Then an epoch begins, which fences every
 * consumer; so each of them reads that note before it writes again. In that epoch the rows go. Consumers find that their epoch is over,
 * and rebuild the ledger and the sides of the merges in Redis from what is there. One that is faster does the rest itself. It may be killed
 * at any moment: the next epoch, or the same command once more, goes on.
 *
 * @throws FatalError if the entity is none of the pipeline, or rows are still there afterwards; RetryableError if the sink is away
 */
export async function eraseKey(options: EraseOptions): Promise<Erased> {
  const sink = createSink(options);
  try {
    await refuseForeignOutput(sink, options.config);
    // Gives way to another pipeline, and takes in what other programs have changed.
    await sink.probe();
    await sink.identity();
    return await eraseIn(sink, options);
  } finally {
    await sink.close();
  }
}

/** As {@link eraseKey}, in a sink of the caller's. */
export async function eraseIn(sink: Sink, options: Omit<EraseOptions, 'postgresUrl'>): Promise<Erased> {
  const { config, entity, key, clock, signal } = options;
  const where = whereIn(config, { entity, key });
  const erasures = erasuresOf(sink);
  const asked = askFor(await erasures.list(), entity, { key, where }, clock.now());
  await erasures.note(asked);
  await options.onNoted?.(asked);
  for (let consumerHas = CONSUMER_HAS; !signal.aborted; consumerHas *= 2) {
    const found = await carryOut(sink, erasures, asked, { clock, signal, consumerHas });
    if (found === undefined) continue;
    const rowsRead = await checkGone(sink, datasetsOf(config), where, key);
    return { ...found, rowsRead, unread: await unreadIn(sink, datasetsOf(config), where) };
  }
  throw new RetryableError('stopped', 'stopped before all rows were removed: run it once more, or start a consumer');
}

/** @returns undefined if it has still to be done */
async function carryOut(
  sink: Sink,
  erasures: Erasures,
  { hash }: Erasure,
  { clock, signal, consumerHas }: Pick<EraseOptions, 'clock' | 'signal'> & { readonly consumerHas: number },
): Promise<Erasure | undefined> {
  const epoch = nextEpoch(await sink.epoch());
  await sink.beginEpoch(epoch, true);
  let until = clock.monotonic();
  try {
    await sink.prepare?.(epoch);
  } catch (error) {
    if (!(error instanceof WriterLost)) throw error;
    until += consumerHas;
  }
  for (;;) {
    const found = (await erasures.list()).find((one) => one.hash === hash);
    if (found !== undefined && !isPending(found)) return found.doneAt === undefined ? done(found, clock.now()) : found;
    if (signal.aborted || clock.monotonic() >= until) return undefined;
    await clock.sleep(250, signal);
  }
}

/** Of the same ledger and configuration as the one before, so that nothing but the rows is taken for changed. */
export const nextEpoch = (before = `erase.${randomBytes(6).toString('hex')}.none`): string =>
  before.replace(/[0-9a-f]{12}$/, randomBytes(6).toString('hex'));

/**
 * @returns how many rows were read
 * @throws FatalError if a row is still there: a trigger or a rule of Postgres may have kept it
 */
async function checkGone(sink: Sink, datasets: readonly Dataset[], where: Where, key: string): Promise<number> {
  const places = new Set<string>();
  let rowsRead = 0;
  for (const dataset of datasets) {
    const rules = where[dataset.name] ?? [];
    if (rules.length === 0) continue;
    // A consumer that is at work again may have made half rows by now.
    const isLeft = (row: LandedRow) => {
      rowsRead += 1;
      return holdsOf(rules, row, key);
    };
    for await (const { place } of sink.find?.(dataset, isLeft) ?? []) places.add(place);
  }
  if (places.size === 0) return rowsRead;
  const found = [...places].join(', ');
  throw new FatalError(
    'not_erased',
    `rows of the key are still in ${found}: another program put them back, or a trigger keeps them; run it once more`,
  );
}

/** What nobody can judge in the datasets that may hold rows of the record. */
export async function unreadIn(
  sink: Sink,
  datasets: readonly Dataset[],
  where: Where,
): Promise<Readonly<Record<string, number>>> {
  const found: Record<string, number> = {};
  for (const dataset of datasets) {
    if ((where[dataset.name] ?? []).length > 0) Object.assign(found, await sink.unread?.(dataset));
  }
  return found;
}

function erasuresOf({ erasures }: Sink): Erasures {
  if (erasures !== undefined) return erasures;
  throw new FatalError('erasure_unsupported', 'this kind of sink cannot erase');
}
