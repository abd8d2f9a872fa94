import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { FatalError } from '@tributary/shared';
import { generateEndpoints } from './generate.js';

const USAGE = 'npm run generate-endpoints -- [--count 90] [--every 5s] [--config FILE] [--output FILE]\n';

// `npm run generate-endpoints -- --count 90`: a pipeline with many endpoints, on stdout or in a file.
try {
  const { values } = parseArgs({
    options: {
      count: { type: 'string', default: '90' },
      every: { type: 'string', default: '5s' },
      config: { type: 'string', default: process.env.PIPELINE || 'pipeline.yaml' },
      output: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) process.stdout.write(USAGE);
  else generate(values);
} catch (error) {
  const isForPerson = error instanceof FatalError || (error instanceof Error && 'code' in error);
  if (!isForPerson) throw error;
  process.stderr.write(`${error.message}\n\n${USAGE}`);
  process.exitCode = 1;
}

interface Asked {
  readonly config: string;
  readonly count: string;
  readonly every: string;
  readonly output?: string | undefined;
}

function generate(values: Asked): void {
  const text = generateEndpoints({
    text: readFileSync(values.config, 'utf8'),
    count: Number(values.count),
    every: values.every,
    env: process.env,
  });
  if (values.output === undefined) process.stdout.write(text);
  else writeFileSync(values.output, text);
}
