import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { type Clock, describeError, type Logger, type PipelineConfig, RetryableError } from '@tributary/shared';
import type { SqlEngine } from '../sql/port.js';
import { going, isAlive, SIGN_EVERY, thisHost } from './alive.js';
import { fileNamesOf, writeFiles } from './files.js';
import { makeFolder } from './folder.js';
import { type Manifest, placeOf, type RunNote, runName } from './manifest.js';
import { queryOf } from './query.js';
import type { ExportTarget } from './targets/port.js';
import { targetOf } from './targets/target.js';

export interface ExportRun {
  readonly config: PipelineConfig;
  /** Of the export: one of the pipeline's. */
  readonly name: string;
  readonly engine: SqlEngine;
  readonly clock: Clock;
  readonly log: Logger;
  /** Where files are kept until they are copied; this machine's folder for temporary files unless given. */
  readonly folder?: string | undefined;
  readonly signal: AbortSignal;
}

export interface ExportResult {
  readonly manifest: Manifest;
  /** Where the run is, for people. */
  readonly place: string;
  /** Older runs that were removed, by their names. */
  readonly removed: readonly string[];
  /** What a killed run had left and this one has removed, by the name of the run. */
  readonly cleared: readonly string[];
}

/** The code of the error for an export that is going on elsewhere. */
export const GOING_ON = 'export_going_on';

/**
 * Exports once: removes what dead runs left, writes the files beside, puts them where they go, publishes them with their manifest, and
 * removes runs that are too old. Whatever ends it, nobody finds half a run.
 *
 * @throws SqlError, FatalError or RetryableError with what is wrong in words
 */
export async function runExport(options: ExportRun): Promise<ExportResult> {
  const { config, name, clock, log, signal } = options;
  const settings = config.exports[name];
  if (settings === undefined) throw new Error(`there is no export ${name}`);
  const target = targetOf(settings, { pipeline: config.name, name, clock });
  const run = runName(clock.now(), randomUUID());
  const cleared = await clear(target, clock, signal);
  if (cleared.length > 0) log.info({ export: name, runs: cleared }, 'removed what runs left that were killed');
  const note: RunNote = {
    pipeline: config.name,
    export: name,
    run,
    files: fileNamesOf(name, settings),
    host: thisHost(),
    pid: process.pid,
    begunAt: new Date(clock.now()).toISOString(),
  };
  const done = going(run);
  try {
    await target.begin(note, signal);
    const manifest = await signing(target, note, options, (lasting) =>
      putAll(target, note, { ...options, signal: lasting }),
    );
    signal.throwIfAborted();
    // Signs of life have ended: one more would make the run's hidden folder anew, beside the run itself.
    await target.publish(manifest, signal);
    const removed = await removeOld(target, run, settings.keep, options);
    return { manifest, place: placeOf(run, target.shown), removed, cleared };
  } catch (error) {
    // The signal may be why it ended. What cannot be removed now is removed by the next run.
    await target.remove(run, note.files, AbortSignal.timeout(30_000)).catch(() => {});
    throw error;
  } finally {
    done();
  }
}

/** Puts all files where they go. @returns what publishes them */
async function putAll(target: ExportTarget, { run }: RunNote, options: ExportRun): Promise<Manifest> {
  const { config, name, engine, clock, folder = tmpdir(), signal } = options;
  const settings = config.exports[name];
  if (settings === undefined) throw new Error(`there is no export ${name}`);
  const query = queryOf(config, settings);
  const beside = await makeFolder(folder);
  try {
    const { neutraliseFormulas } = config.sink.csv;
    const { files, columns, asOf, privacy } = await writeFiles({
      engine,
      query,
      name,
      settings,
      neutraliseFormulas,
      folder: beside,
      signal,
    });
    const put: Manifest['files'] = [];
    for (const file of files) {
      put.push({ name: file.name, rows: file.rows, ...(await target.put(run, file.name, file.path, signal)) });
      await rm(file.path);
    }
    const manifest: Manifest = {
      version: 1,
      pipeline: config.name,
      export: name,
      run,
      asOf,
      writtenAt: new Date(clock.now()).toISOString(),
      query,
      format: settings.format,
      compression: settings.format === 'parquet' ? 'zstd' : null,
      rows: files.reduce((sum, { rows }) => sum + rows, 0),
      columns: columns.map(({ name: column, type }) => ({ name: column, type })),
      split: settings.split ?? null,
      privacy,
      files: put,
    };
    return manifest;
  } finally {
    await rm(beside, { recursive: true, force: true });
  }
}

/** Gives signs of life while something is done, so that no other run takes this one for dead; ends it when they cannot be given for long. */
async function signing<T>(
  target: ExportTarget,
  note: RunNote,
  { signal, log, name }: ExportRun,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  const both = AbortSignal.any([signal, over.signal]);
  let giving: Promise<void> | undefined;
  const timer = setInterval(() => {
    giving ??= target
      .begin(note, both)
      .catch((error: unknown) => {
        if (!both.aborted)
          log.warn({ export: name, reason: describeError(error) }, 'cannot tell that the export goes on');
      })
      .finally(() => {
        giving = undefined;
      });
  }, SIGN_EVERY);
  try {
    return await work(both);
  } finally {
    clearInterval(timer);
    over.abort();
    await giving;
  }
}

/**
 * Removes what dead runs left.
 * @returns their names
 * @throws RetryableError if one is alive
 */
async function clear(target: ExportTarget, clock: Clock, signal: AbortSignal): Promise<string[]> {
  const cleared: string[] = [];
  for (const one of await target.unfinished(signal)) {
    if (isAlive(one, clock)) {
      const { host = '', pid, begunAt } = one.note ?? {};
      const who = `process ${pid} on ${host.split(' ')[0]}`;
      const remedy = 'wait until it has ended; one that was killed elsewhere counts as ended after 10 minutes';
      throw new RetryableError(GOING_ON, `${target.shown} is being exported since ${begunAt} by ${who}: ${remedy}`);
    }
    await target.remove(one.run, one.note?.files ?? [], signal);
    cleared.push(one.run);
  }
  return cleared;
}

/** What cannot be removed is told, and no reason to fail: the new run is there, and stays, also where the clock went back since older ones. */
async function removeOld(
  target: ExportTarget,
  run: string,
  keep: number | undefined,
  { name, log, signal }: ExportRun,
): Promise<string[]> {
  if (keep === undefined) return [];
  const removed: string[] = [];
  try {
    const others = (await target.finished(signal)).filter((one) => one.run !== run);
    for (const old of others.slice(0, Math.max(0, others.length + 1 - keep))) {
      await target.remove(
        old.run,
        old.files.map((file) => file.name),
        signal,
      );
      removed.push(old.run);
    }
  } catch (error) {
    log.warn(
      { export: name, reason: describeError(error) },
      'runs that are too old could not be removed; the next run tries again',
    );
  }
  return removed;
}
