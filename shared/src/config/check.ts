import { parseArgs } from 'node:util';
import { describeError, usageError } from '../errors.js';
import { count } from '../service/words.js';
import { loadPipeline } from './load.js';

const USAGE = `npm run check-config -- [FILE]

Tells every fault of a pipeline's file at once, and exits 1 if there is one. FILE is PIPELINE, or pipeline.yaml, unless given;
--config FILE is the same.
`;

// `npm run check-config [FILE]`: every fault of the file at once; exit 1 if there is one.
try {
  const asked = readArguments();
  if (asked.help) process.stdout.write(USAGE);
  else check(asked.file);
} catch (error) {
  process.stderr.write(`${describeError(error)}\n`);
  process.exitCode = 1;
}

function check(file: string): void {
  const config = loadPipeline(file, process.env);
  process.stdout.write(`${file} is valid: ${count(Object.keys(config.endpoints).length, 'endpoint')}, `);
  process.stdout.write(`entities: ${Object.keys(config.entities).join(', ')}; sink: ${config.sink.type}\n`);
}

function readArguments(): { readonly help: boolean; readonly file: string } {
  try {
    const options = { config: { type: 'string' }, help: { type: 'boolean', default: false } } as const;
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    const files = [...positionals, ...(values.config === undefined ? [] : [values.config])];
    if (files.length > 1) throw new Error(`one file at a time, not ${files.join(' ')}`);
    return { help: values.help, file: files[0] ?? (process.env.PIPELINE || 'pipeline.yaml') };
  } catch (cause) {
    throw usageError(cause, USAGE);
  }
}
