import type { ReleaseList } from '@tributary/shared';
import { type ClaimedRow, Claims } from '../claim/claims.js';
import type { Lease } from '../claim/lease.js';
import { DeadLetters } from '../dead-letters/dead-letters.js';
import { ErasedKeys, erasedNow } from '../erase/erasure.js';
import type { Settled } from '../intake/settle.js';
import type { EnteredLedger, Ledger } from '../ledger/port.js';
import type { MergeOptions } from '../merge/join.js';
import type { SinkWriter } from '../sinks/port.js';
import { Flush } from '../write/flush.js';
import { memoryOf } from '../write/memory.js';
import type { Ending } from './ending.js';
import { type Lane, openLanes } from './lanes.js';
import type { SessionOptions } from './options.js';
import { SettledLog } from './settled.js';
import { tellIfSlow } from './slow.js';

/** The path that records take in one session, with everything open that it needs. */
export interface Path {
  readonly lanes: readonly Lane[];
  readonly claims: Claims;
  readonly merges: readonly MergeOptions[];
  readonly deadLetters: DeadLetters;
  readonly output: SinkWriter;
  readonly epoch: string;
  readonly ledger: Ledger;
  readonly erased: ErasedKeys;
  readonly erasedNow: () => Promise<ErasedKeys>;
}

/** What a session has before its path is open, and what ends with it. */
export interface PathSurroundings extends EnteredLedger {
  readonly lease: Lease;
  readonly ending: Ending;
  /** Closes what is open. */
  readonly release: ReleaseList;
}

/** Opens the writer's output, the way to the dead letters and a channel for each queue, and joins the steps between them. */
export async function openPath(options: SessionOptions, surroundings: PathSurroundings): Promise<Path> {
  const { config, clock, log, metrics, observer, traces, onSinkProblem } = options;
  const { ledger, lease, ending, release } = surroundings;
  const output = await openOutput(options, surroundings);
  // Behind the open output: who erases a key notes it before an epoch begins in which its rows go.
  const erased = await ErasedKeys.of(options.sink.erasures);
  const flush = new Flush({
    ledger,
    lease,
    writer: output,
    clock,
    log,
    metrics,
    observer,
    traces,
    onSinkProblem,
    signal: ending.abandoned,
  });
  const claims = openClaims(options, surroundings);
  const land = (rows: readonly ClaimedRow[]) => flush.land(rows);
  const merges = options.merges.map((rows) => ({ rows, ledger, claims, land }));
  const deadLetters = await openDeadLetters(options, surroundings);
  const batch = {
    size: config.batch.size,
    interval: config.batch.interval,
    bytesOf: memoryOf,
    flush: (...group: Parameters<Flush['flush']>) => flush.flush(...group),
  };
  let lanes: readonly Lane[] = [];
  const held = () => new Map(lanes.map(({ entity, intake }) => [entity.config.queue, intake.settler]));
  const settledLog = new SettledLog({ ...options, notes: options.settledNotes, held });
  release.add('the notes of what was settled', () => settledLog.close());
  const onSettled = (queue: string, arrivals: readonly Settled[]) => settledLog.settled(queue, arrivals);
  lanes = await openLanes({ ...options, batch, onSettled }, ending, release);
  return {
    lanes,
    claims,
    merges,
    deadLetters,
    output,
    epoch: surroundings.epoch,
    ledger,
    erased,
    erasedNow: erasedNow(options.sink.erasures, erased, clock),
  };
}

/**
 * It is closed however the session ends: a file that is left open is closed by the garbage collector, which Node will not
 * do for ever.
 */
async function openOutput(
  { sink, writer, ...slow }: SessionOptions,
  { epoch, ending, release }: PathSurroundings,
): Promise<SinkWriter> {
  const opening = sink.open(writer, epoch, (lost) => ending.byError(lost));
  const output = await tellIfSlow(opening, 'the sink does not answer that the output is open', slow);
  release.add('the output', () => output.close());
  return output;
}

function openClaims({ sink, metrics, log }: SessionOptions, { ledger }: PathSurroundings): Claims {
  const onTakeOver = (dead: string) => {
    metrics.tookOver();
    log.warn({ writer: dead }, 'taking over the unfinished rows of a consumer that died');
  };
  return new Claims({ ledger, sink, onTakeOver });
}

async function openDeadLetters(options: SessionOptions, { ending, release }: PathSurroundings): Promise<DeadLetters> {
  const { deadLetterBroker, prefetch, metrics, onLetterProblem } = options;
  const deadLetters = new DeadLetters({
    ...options,
    broker: deadLetterBroker,
    // Letters that are held count against the prefetch. The other half is for the records that go on.
    most: Math.ceil(prefetch / 2),
    onProblem: onLetterProblem,
    onHeld: (counts) => metrics.lettersHeld(counts),
    onError: (error) => ending.byError(error),
  });
  release.add('the dead letters', () => deadLetters.close());
  await deadLetters.started();
  return deadLetters;
}
