import { describeError } from '../errors.js';
import { loadPipeline } from './load.js';

// `npm run check-config [FILE]`: every fault of the file at once; exit 1 if there is one.
const file = process.argv[2] ?? process.env.PIPELINE ?? 'pipeline.yaml';
try {
  const config = loadPipeline(file, process.env);
  const count = (things: object, noun: string) =>
    `${Object.keys(things).length} ${noun}${Object.keys(things).length === 1 ? '' : 's'}`;
  process.stdout.write(`${file} is valid: ${count(config.endpoints, 'endpoint')}, `);
  process.stdout.write(`entities: ${Object.keys(config.entities).join(', ')}; sink: ${config.sink.type}\n`);
} catch (error) {
  process.stderr.write(`${describeError(error)}\n`);
  process.exitCode = 1;
}
