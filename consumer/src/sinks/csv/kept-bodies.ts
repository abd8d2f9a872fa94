import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { KEPT_BODIES, keptId, replaceFile } from '@tributary/shared';
import type { KeptBodies } from '../../dead-letters/kept-bodies.js';

/** Bodies as files, in a folder of the output. Each is durable, and there as a whole, before its letter is sent. */
export function folderBodies(output: string): KeptBodies {
  const folder = join(output, KEPT_BODIES.folder);
  return {
    async keep(body, of) {
      const id = keptId(of, body);
      await mkdir(folder, { recursive: true });
      await replaceFile(join(folder, id), body);
      return { id, where: `${KEPT_BODIES.folder}/${id} in the output's folder` };
    },
  };
}
