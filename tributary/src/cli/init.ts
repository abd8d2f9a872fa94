import { readFileSync, writeFileSync } from 'node:fs';
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { FatalError } from '@tributary/shared';
import { createCommand, withExamples } from './shell/command.js';
import type { Context } from './shell/context.js';

/** Beside `src` and beside `dist`, wherever this module was loaded from. */
const TEMPLATE = new URL('../../templates/pipeline.yaml', import.meta.url);

/** Writes a pipeline file to start from. */
export function initCommand(context: Context): CommandUnknownOpts {
  const about =
    'Writes a pipeline file to start from, with comments. It polls the mock CRM that comes with Tributary, so ' +
    'it runs as it is; then put your own API into it.';
  const command = createCommand(context, 'init', 'write a pipeline file to start from', about)
    .argument('[FILE]', 'where to', 'pipeline.yaml')
    .option('--force', 'write over a file that is there')
    .action((file, { force }) => {
      write(file, force === true);
      const next = file === 'pipeline.yaml' ? '' : ` --config ${file}`;
      const { terminal, spell } = context;
      terminal.write(`${file} is written. Try it: ${spell('start', `--once${next}`)}\n`);
      terminal.write('Then put your own API into it; its comments tell how.\n');
    });
  return withExamples(context, command, [['', 'pipeline.yaml, in this folder']]);
}

function write(file: string, force: boolean): void {
  try {
    writeFileSync(file, readFileSync(TEMPLATE), { flag: force ? 'w' : 'wx' });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    throw new FatalError('file_exists', `${file} is there already; --force writes over it`, { cause: error });
  }
}
