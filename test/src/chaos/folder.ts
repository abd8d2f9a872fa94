import { mkdtempSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startReaper } from '../../services/reaper.js';

/** A folder for one run, that does not outlive this process unless it is kept. */
export interface RunFolder {
  readonly path: string;
  /** Removes it, or gives it the name under which it stays. @returns that name */
  end(keep: boolean): Promise<string | undefined>;
}

export function makeRunFolder(name: string): RunFolder {
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
