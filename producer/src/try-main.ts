import { parseArgs } from 'node:util';
import { FatalError, loadPipeline, RetryableError, systemClock } from '@tributary/shared';
import { proxiesOf } from './sources/dispatchers.js';
import { tryEndpoint } from './try.js';

// `npm run try -- ENDPOINT [--limit 5]`: a poll that shows what it would do.
const USAGE = 'npm run try -- ENDPOINT [--limit 5] [--config pipeline.yaml]';
try {
  const { values, positionals } = parseArgs({
    options: { limit: { type: 'string', default: '5' }, config: { type: 'string' } },
    allowPositionals: true,
  });
  const [id] = positionals;
  const limit = Number(values.limit);
  if (id === undefined || !(Number.isInteger(limit) && limit > 0)) throw new FatalError('usage', USAGE);
  const file = values.config ?? (process.env.PIPELINE || 'pipeline.yaml');
  await tryEndpoint({
    ...{ config: loadPipeline(file, process.env), id, limit, clock: systemClock, proxies: proxiesOf(process.env) },
    write: (text) => void process.stdout.write(text),
  });
} catch (error) {
  const isOfArguments = error instanceof TypeError && String(Reflect.get(error, 'code')).startsWith('ERR_PARSE_ARGS');
  if (!(error instanceof FatalError || error instanceof RetryableError || isOfArguments)) throw error;
  process.stderr.write(`${error.message}\n${isOfArguments ? `${USAGE}\n` : ''}`);
  process.exitCode = 1;
}
