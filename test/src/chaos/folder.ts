import { mkdtempSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ReleaseList } from '@tributary/shared';
import { startReaper } from '../../services/reaper.js';

/** A folder for one run, that does not outlive this process unless it is kept. */
interface RunFolder {
  readonly path: string;
  /** Removes it, or gives it the name under which it stays. @returns that name */
  end(keep: boolean): Promise<string | undefined>;
}

function makeRunFolder(name: string): RunFolder {
  const path = mkdtempSync(join(tmpdir(), `tributary-${name}-`));
  const reaper = startReaper(path);
  return {
    path,
    async end(keep) {
      const kept = `${path}-kept`;
      // The reaper removes what has the old name, also if this process is killed.
      if (keep) renameSync(path, kept);
      await reaper.release();
      return keep ? kept : undefined;
    },
  };
}

export interface RunOptions {
  /** Keeps the folder also if nothing is wrong; false unless given. */
  readonly keep?: boolean | undefined;
  readonly signal: AbortSignal;
  say(line: string): void;
}

/**
 * Plays a run in a folder of its own, and releases what it has added to the list. The folder stays if the run failed, to be looked into.
 * @param name of the folder: `tributary-<name>-...`
 */
export async function inRunFolder<R extends { readonly report: { readonly ok: boolean } }>(
  name: string,
  { keep = false, signal, say }: RunOptions,
  play: (folder: string, release: ReleaseList) => Promise<R>,
): Promise<R & { readonly folder: string | undefined }> {
  const folder = makeRunFolder(name);
  const release = new ReleaseList();
  let result: R | undefined;
  let kept: string | undefined;
  try {
    result = await play(folder.path, release);
  } finally {
    await release.release();
    // A run that failed is to be looked into; one that somebody broke off is not.
    const failed = result === undefined ? !signal.aborted : !result.report.ok;
    kept = await folder.end(keep || failed);
    if (kept !== undefined && result === undefined) say(`logs and output: ${kept}`);
  }
  return { ...result, folder: kept };
}
