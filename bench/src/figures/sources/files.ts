import { createReadStream, mkdtempSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { textLines } from '@tributary/shared';
import type { Message } from '../../messages.js';
import { publishAtOnce } from '../publish.js';
import type { FilledPlace, SourceLine } from './source.js';

export const files: SourceLine = {
  name: 'files',
  words: 'a file of NDJSON in a folder',
  beside: {
    words: '`publish`: its publisher with records that are in memory already, packed as it packs them',
    measure: publishAtOnce,
  },
  async fill(bench, messages): Promise<FilledPlace> {
    const folder = mkdtempSync(join(bench.folder, 'files-'));
    const file = join(folder, 'customers.ndjson');
    writeFileSync(file, messages.map(({ body }) => `${body.toString()}\n`).join(''));
    // As if it had lain there for a while: a file that was just written is not touched yet.
    utimesSync(file, 0, 0);
    return {
      endpoint: { source: 'files', path: join(folder, '*.ndjson') },
      readAlone: () => readAll(file, messages),
      async remove() {},
    };
  },
};

/** Line by line, each parsed. @returns records per second */
async function readAll(file: string, messages: readonly Message[]): Promise<number> {
  const began = performance.now();
  let read = 0;
  for await (const line of textLines(createReadStream(file))) {
    JSON.parse(line);
    read += 1;
  }
  if (read !== messages.length) throw new Error(`${read} records were read of ${messages.length}`);
  return read / ((performance.now() - began) / 1_000);
}
