import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Dataset, isNeutralised, listParts, type Part, type SinkConfig } from '@tributary/shared';
import type { LandedRow } from '../port.js';
import type { CsvFence } from './fence.js';
import { hashOfFile, ignoreMissing, publishFolder, removeFolder, statIfThere, unlinkIfThere } from './files.js';
import { readPartRows } from './part-rows.js';
import type { Evidence, PartState } from './part-state.js';
import { type PartSeals, putInPlace, temporaryOf, writeEvidence } from './seal.js';

export interface RewriteOptions {
  readonly settings: SinkConfig['csv'];
  readonly state: PartState;
  readonly dataset: Dataset;
  readonly part: Part;
  /** Whether the row goes. */
  readonly isErased: (row: LandedRow) => boolean;
  /** Called with the number of rows that go, before the part is changed. */
  readonly onFound: (rows: number) => Promise<void>;
}

/** A stretch of a file, in bytes. */
interface Stretch {
  readonly from: number;
  readonly to: number;
}

/**
 * Puts a copy of a sealed part without some of its rows in its place.
 *
 * Several processes may do this at once, and each may be held up, or die, between any two steps. The n-th copy of a part is published, with
 * its evidence, as the folder `rewritten-<n>`, which only one of them can do, and only if it has read the part as the copy before left it.
 * So nobody brings back what another has erased. Whoever finds a copy in such a folder puts it in place; when it is gone from there, it is
 * in place, and its evidence holds.
 */
export async function rewritePart(options: RewriteOptions): Promise<void> {
  const { state, dataset, part, onFound } = options;
  for (;;) {
    const number = await state.rewritten(dataset.name, part.name);
    if (number > 0) await putInPlace(join(state.rewrite(dataset.name, part.name, number), 'copy'), part);
    const cuts = await findCuts(options);
    if (cuts === undefined || cuts.length === 0) return;
    await onFound(cuts.length);
    await publish(options, cuts, number + 1);
  }
}

/** Where the rows lie that go; undefined if the part has gone. */
async function findCuts({ settings, dataset, part, isErased }: RewriteOptions): Promise<Stretch[] | undefined> {
  const neutralised = await isNeutralised(settings, dataset.name, part.name);
  const cuts: Stretch[] = [];
  let begun: number | undefined;
  try {
    for await (const line of readPartRows(part.path, { dataset, neutralised, verify: false })) {
      if (begun !== undefined) cuts.push({ from: begun, to: line.offset });
      begun = 'row' in line && isErased(line.row) ? line.offset : undefined;
    }
    if (begun !== undefined) cuts.push({ from: begun, to: (await stat(part.path)).size });
    return cuts;
  } catch (error) {
    return ignoreMissing(error as NodeJS.ErrnoException);
  }
}

async function publish({ state, dataset, part }: RewriteOptions, cuts: readonly Stretch[], number: number) {
  const to = state.rewrite(dataset.name, part.name, number);
  const temporary = temporaryOf(to);
  try {
    await mkdir(temporary);
    const copy = join(temporary, 'copy');
    await copyWithout(part.path, copy, cuts);
    const { size, mtimeMs: modified } = await stat(copy);
    const before = await state.evidence(dataset.name, part.name);
    const removed = (before?.removed ?? 0) + cuts.reduce((sum, { from, to: end }) => sum + end - from, 0);
    const evidence: Evidence = {
      size,
      sha256: await hashOfFile(copy, size),
      modified,
      changed: before?.changed ?? false,
      removed,
    };
    await writeEvidence(temporary, evidence);
    if (await publishFolder(temporary, to)) await putInPlace(join(to, 'copy'), part);
  } catch (error) {
    // Another process was faster, and has removed the temporary files, or the part has gone: look again.
    ignoreMissing(error as NodeJS.ErrnoException);
  } finally {
    await removeFolder(temporary).catch(() => {});
  }
}

async function copyWithout(from: string, to: string, cuts: readonly Stretch[]): Promise<void> {
  const file = await open(to, 'wx');
  try {
    let at = 0;
    for (const { from: start, to: end } of [...cuts, { from: Number.POSITIVE_INFINITY, to: 0 }]) {
      if (start > at) {
        const stretch = createReadStream(from, { start: at, end: start - 1, highWaterMark: 1024 * 1024 });
        for await (const chunk of stretch) await file.writeFile(chunk as Buffer);
      }
      at = end;
    }
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** Removes what processes that died have left of copies that they never published. */
async function removeUnpublished(state: PartState, dataset: string, part: Part): Promise<void> {
  const marker = state.marker(dataset, part.name);
  for (const name of (await readdir(marker).catch(ignoreMissing)) ?? []) {
    if (/^rewritten-\d+-/.test(name)) await removeFolder(join(marker, name)).catch(() => {});
  }
}

/** Where parts are rewritten. */
export interface RewriteSurroundings {
  readonly settings: SinkConfig['csv'];
  readonly datasets: readonly Dataset[];
  readonly fence: CsvFence;
  readonly state: PartState;
  readonly seals: PartSeals;
}

/**
 * Goes through the parts of a dataset, to rewrite them: each is sealed before the work, and tidied behind it. No writer has begun another
 * one, for the epoch has just begun.
 * @throws WriterLost if the epoch is over
 */
export async function forEachSealed(
  { settings, fence, state, seals }: RewriteSurroundings,
  epoch: string,
  dataset: Dataset,
  work: (part: Part) => Promise<void>,
): Promise<void> {
  for (const part of await listParts(settings.directory, dataset.name)) {
    await fence.holdEpoch(epoch);
    await sealForRewrite(state, seals, dataset, part);
    await work(part);
    await removeUnpublished(state, dataset.name, part);
  }
}

/** A part whose seal is an empty file, as older versions left it, is sealed once more: copies of it are published in a folder. */
async function sealForRewrite(state: PartState, seals: PartSeals, dataset: Dataset, part: Part): Promise<void> {
  const marker = state.marker(dataset.name, part.name);
  if ((await statIfThere(marker))?.isDirectory() === false) await unlinkIfThere(marker);
  await seals.seal(dataset, part);
}
