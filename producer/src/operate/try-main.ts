import { parseArgs } from 'node:util';
import { FatalError, loadPipeline, RetryableError, systemClock, usageError } from '@tributary/shared';
import { proxiesOf } from '../sources/rest/dispatchers.js';
import { tryEndpoint } from './try.js';

// `npm run try -- ENDPOINT [--limit 5]`: a poll that shows what it would do.
const USAGE = `npm run try -- ENDPOINT [--limit 5] [--config pipeline.yaml]

Polls the endpoint once, shows requests, records and what is wrong with them, and publishes nothing.
`;
try {
  const asked = readArguments();
  if (asked === undefined) process.stdout.write(USAGE);
  else {
    const { id, limit, file } = asked;
    await tryEndpoint({
      config: loadPipeline(file, process.env),
      id,
      limit,
      clock: systemClock,
      proxies: proxiesOf(process.env),
      write: (text) => void process.stdout.write(text),
    });
  }
} catch (error) {
  if (!(error instanceof FatalError || error instanceof RetryableError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}

/** @returns undefined if help was asked for */
function readArguments() {
  try {
    const { values, positionals } = parseArgs({
      options: {
        limit: { type: 'string', default: '5' },
        config: { type: 'string', default: process.env.PIPELINE || 'pipeline.yaml' },
        help: { type: 'boolean', default: false },
      },
      allowPositionals: true,
    });
    if (values.help) return undefined;
    const [id, ...rest] = positionals;
    const limit = Number(values.limit);
    if (id === undefined) throw new Error('try which endpoint?');
    if (rest.length > 0) throw new Error(`one at a time: ${rest.join(' ')} is too much`);
    if (!(Number.isInteger(limit) && limit > 0)) {
      throw new Error(`--limit is "${values.limit}": expected a whole number, 1 or more`);
    }
    return { id, limit, file: values.config };
  } catch (cause) {
    throw usageError(cause, USAGE);
  }
}
