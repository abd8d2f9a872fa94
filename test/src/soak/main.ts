import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { describeError, either, isSinkKind, SINKS } from '@tributary/shared';
import { wholeNumber } from '../chaos/arguments.js';
import { untilInterrupted } from '../chaos/interrupt.js';
import { formatResult } from '../chaos/report.js';
import { formatSlopes } from './report.js';
import { runSoak } from './soak.js';

const HELP = `Runs the pipeline under load, with a fault every 20 s, and fails if anything grows that must not.

  npm run soak -- [options]

  --minutes M   how long (default 10)
  --hours H     the same in hours
  --seed N      chooses what is done when (default: by chance; it is printed)
  --sink NAME   csv (default) or postgres
  --keep        keep logs and output also when all is well

It plays chaos with two producers and two consumers (see npm run chaos -- --help). Faults hit the second of each, and the
servers. Every 5 s it measures the first of each: resident memory, open files, sockets; and Redis, the queues and the files
beside the rows. The first third is not judged. What is kept for a while of each process that died may grow with deaths. Exit
1 if something else grows, or if the audit is not at zero.
`;

// `npm run soak`
try {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string' },
      hours: { type: 'string' },
      seed: { type: 'string' },
      sink: { type: 'string', default: 'csv' },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const { sink, keep } = values;
  if (values.help) process.stdout.write(HELP);
  else {
    if (!isSinkKind(sink)) throw new Error(`--sink: expected ${either(Object.keys(SINKS))}, found "${sink}"`);
    const minutes =
      values.hours === undefined
        ? wholeNumber('--minutes', values.minutes ?? '10', 1, 10_000)
        : 60 * wholeNumber('--hours', values.hours, 1, 168);
    const seed = values.seed === undefined ? randomInt(2 ** 32) : wholeNumber('--seed', values.seed, 0, 2 ** 32 - 1);
    const say = (line: string) => void process.stderr.write(`${line}\n`);
    const result = await runSoak({ seconds: 60 * minutes, seed, sink, keep, say, signal: untilInterrupted() });
    process.stdout.write(`${formatResult(result.chaos)}\n\n${formatSlopes(result)}\n`);
    if (!result.ok) process.exitCode = 1;
  }
} catch (error) {
  process.stderr.write(`${describeError(error)}\n`);
  process.exitCode = 1;
}
