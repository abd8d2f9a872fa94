import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { FatalError, parsePipeline } from '@tributary/shared';
import { generateEndpoints } from './generate.js';

// `npm run generate-endpoints -- --count 90`: a pipeline with many endpoints, on stdout or in a file.
try {
  const { values } = parseArgs({
    options: {
      count: { type: 'string', default: '90' },
      every: { type: 'string', default: '5s' },
      config: { type: 'string', default: process.env.PIPELINE || 'pipeline.yaml' },
      output: { type: 'string' },
    },
  });
  const text = generateEndpoints({
    text: readFileSync(values.config, 'utf8'),
    count: Number(values.count),
    every: values.every,
  });
  // What it writes is valid, or it writes nothing.
  parsePipeline(text, process.env, 'the generated pipeline');
  if (values.output === undefined) process.stdout.write(text);
  else writeFileSync(values.output, text);
} catch (error) {
  const isForPerson = error instanceof FatalError || (error instanceof Error && 'code' in error);
  if (!isForPerson) throw error;
  process.stderr.write(`${error.message}\nnpm run generate-endpoints -- --count 90 [--every 5s] [--output FILE]\n`);
  process.exitCode = 1;
}
