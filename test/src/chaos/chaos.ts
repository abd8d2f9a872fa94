import { describeError, type ReleaseList, type SinkKind, systemClock } from '@tributary/shared';
import { auditStage, countRows } from './audit-stage.js';
import { keepEvidence } from './evidence.js';
import { Faults } from './faults.js';
import { inRunFolder } from './folder.js';
import type { MirroredSource } from './mirrors/table.js';
import type { Deletes, Packing } from './pipeline.js';
import { type Fault, GAP, GAP_OF_UPGRADES, planFaults } from './plan.js';
import { Privacy } from './privacy.js';
import { QUEUES_NOTED, queueDepths, takeDeadLetters } from './queues.js';
import { archiveCustomers, removeItems } from './removals.js';
import type { ChaosReport, ChaosResult } from './report.js';
import { lastPolls, reviveQueues, stopInOrder, untilCalm, untilDrained } from './settle.js';
import { raiseStage, type Stage } from './stage.js';
import type { OlderVersion } from './upgrade/older.js';
import { rollVersions } from './upgrade/rolling.js';
import { StandstillWatch } from './world/standstill.js';

export interface ChaosOptions {
  /** How long faults are done. What comes before and after is not counted. */
  readonly seconds: number;
  readonly seed: number;
  readonly producers: number;
  readonly consumers: number;
  readonly sink: SinkKind;
  /** Where the producers read what the CRM has; over its API unless given. */
  readonly source?: MirroredSource;
  /** For a source that is a database, which one; it follows from the seed unless given. */
  readonly database?: string | undefined;
  /** When records share a message; `adapting` unless given. */
  readonly pack?: Packing;
  /** What becomes of the rows of deleted records in Postgres; `remove` unless given. */
  readonly deletes?: Deletes;
  /** The version that runs at first, and is replaced by this one meanwhile; only this one runs unless given. */
  readonly older?: OlderVersion | undefined;
  /** Whether networks, machines, backups, operators and other programs do their worst as well. */
  readonly world: boolean;
  /** Whether records are kept for a time only, and some are erased meanwhile. */
  readonly privacy?: boolean;
  /** Keep logs and output also when all is well. */
  readonly keep: boolean;
  /** What is done; unless given, what follows from the seed. */
  readonly plan?: readonly Fault[];
  /** Watches from the first fault until the last is over. Its end says what was not well. */
  readonly watch?: (stage: Stage) => { end(): Promise<readonly string[]> };
  /** Of producers and consumers; `debug` unless given. */
  readonly logLevel?: string;
  /** Told what happens, line by line. */
  readonly say: (line: string) => void;
  /** Aborted to break off; everything is cleared away all the same. */
  readonly signal: AbortSignal;
}

/**
 * Kills, pauses and cuts off everything that carries records, at moments that follow from the seed, while the API goes on
 * changing them. Then it lets things settle, and compares what landed with the truth.
 *
 * @throws Error if the stage cannot be raised, or the run was broken off
 */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  return await inRunFolder('chaos', options, (folder, release) => play({ ...options, folder }, release));
}

const NOTHING_SIDE_BY_SIDE =
  'no row landed while both versions ran, so nothing is proved of them side by side: give the run more --seconds, or a machine with less to do';

async function play(
  options: ChaosOptions & { folder: string },
  release: ReleaseList,
): Promise<Omit<ChaosResult, 'folder'>> {
  const { seconds, seed, sink, source = 'rest', world, older, say, signal } = options;
  say(`logs meanwhile: ${options.folder}`);
  const problems: string[] = [];
  const onDeath = (how: string) => {
    say(how);
    problems.push(how);
  };
  const stage = await raiseStage({ ...options, onDeath }, release);
  await systemClock.sleep(QUEUES_NOTED, signal);

  const gap = older === undefined ? GAP : GAP_OF_UPGRADES;
  const plan = options.plan ?? planFaults(seed, seconds, sink, world, source, gap);
  say(`seed ${seed}: ${plan.length} faults in ${seconds} s`);
  const rowsBefore = await countRows(stage);
  const faults = new Faults(stage, say, signal);
  const standstills = new StandstillWatch(stage);
  release.add('the watch for standstills', () => standstills.end());
  const watch = options.watch?.(stage);
  const privacy = options.privacy === true ? new Privacy(stage, seed, { say, signal }) : undefined;
  release.add('the watch', async () => void (await watch?.end()));
  const started = Date.now();
  await archiveCustomers(stage);
  const removals = removeItems(stage, plan, started, signal).catch((error: unknown) => {
    problems.push(`items are not removed: ${describeError(error)}`);
  });
  const onProblem = (problem: string) => void problems.push(problem);
  const rolled = older && rollVersions({ older, stage, seconds, started, say, onProblem, signal });
  const rolling = rolled?.catch((error: unknown) =>
    onProblem(`the versions are not replaced: ${describeError(error)}`),
  );
  for (const fault of plan) {
    await systemClock.sleep(started + fault.at - Date.now(), signal);
    signal.throwIfAborted();
    faults.begin(fault);
  }
  await faults.ended();
  await reviveQueues(stage, say, signal).catch((error: unknown) => void problems.push(describeError(error)));
  // They wait for polls, which do not end while a queue is dead.
  await removals;
  const upgrade = (await rolling) ?? undefined;
  if (upgrade?.rows.both === 0) problems.push(NOTHING_SIDE_BY_SIDE);
  await systemClock.sleep(started + seconds * 1_000 - Date.now(), signal);
  problems.push(...((await watch?.end()) ?? []));
  await privacy?.end().catch((error: unknown) => void problems.push(describeError(error)));
  const rowsUnderFire = (await countRows(stage)) - rowsBefore;

  say('the faults are over; waiting for the last polls and for the queues to empty');
  const { problems: unsettled, removed } = await settle(stage, privacy, signal);
  problems.push(...unsettled, ...(await standstills.end()));
  signal.throwIfAborted();
  const report = await auditStage(stage, removed);
  const { deadLettered, problems: left } = await lookIntoQueues(stage);
  problems.push(...left);
  const ok = report.ok && problems.length === 0;
  if (!ok) await keepEvidence(stage);
  return {
    report: {
      seconds,
      seed,
      sink,
      source,
      world,
      kills: faults.done,
      audit: report.audit,
      deadLettered,
      ok,
      ...(upgrade && { upgrade }),
    } satisfies ChaosReport,
    findings: report.findings,
    overtaken: report.overtaken,
    problems,
    rowsUnderFire,
  };
}

/** Polls to the end, drains, stops. @returns what did not go as it should, and what was removed for good */
async function settle(stage: Stage, privacy: Privacy | undefined, signal: AbortSignal) {
  const { producers, consumers, rabbitmq, pipeline } = stage;
  const problems: string[] = [];
  const attempt = async <T>(step: Promise<T>): Promise<T | undefined> => {
    try {
      return await step;
    } catch (error) {
      problems.push(describeError(error));
      return undefined;
    }
  };
  const drain = () => attempt(untilDrained(rabbitmq.url, pipeline.config, consumers, signal));
  if (stage.isWorld) await attempt(untilCalm(stage, signal));
  await attempt(lastPolls(stage, signal));
  problems.push(...(await stopInOrder(producers)));
  await drain();
  const removed = privacy === undefined ? undefined : await attempt(privacy.last());
  if (removed !== undefined) await drain();
  problems.push(...(await stopInOrder(consumers)));
  return { problems, removed };
}

/** What is left in the queues after everything stopped, and what is wrong with it. */
async function lookIntoQueues({ rabbitmq, pipeline, world }: Stage) {
  try {
    const { waiting } = await queueDepths(rabbitmq.url, pipeline.config);
    const dead = await takeDeadLetters(rabbitmq.url, pipeline.config);
    const left = waiting === 0 ? [] : [`${waiting} messages are left in the queues after everything stopped`];
    return { deadLettered: dead.length, problems: [...left, ...world.foreign.judge(dead)] };
  } catch (error) {
    return { deadLettered: 0, problems: [`the queues cannot be looked into: ${describeError(error)}`] };
  }
}
