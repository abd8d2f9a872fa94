import { parseArgs } from 'node:util';
import { describeError } from '@tributary/shared';
import { wholeNumber } from '../chaos/arguments.js';
import { look } from './look.js';

const HELP = `Writes CSV rows, starts the dashboard over them twice, and measures what a person waits for.

  npm run looking -- [options]

  --rows N   how many (default 1800000)
  --json     print one JSON object on stdout, and nothing else there
`;

// `npm run looking`
try {
  const { values } = parseArgs({
    options: {
      rows: { type: 'string', default: '1800000' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) process.stdout.write(HELP);
  else {
    const report = await look(wholeNumber('--rows', values.rows, 1_000, 100_000_000), (line) =>
      process.stderr.write(`${line}\n`),
    );
    if (values.json) process.stdout.write(`${JSON.stringify(report)}\n`);
    else {
      const { first, again, memory, times } = report;
      process.stdout.write(
        `ready: ${first.seconds} s (${first.cpuSeconds} s of CPU), again: ${again.seconds} s; memory: ${memory} MB\n`,
      );
      for (const [name, { middle, longest, cpu }] of Object.entries(times)) {
        process.stdout.write(
          `${name.padEnd(30)} ${String(middle).padStart(8)} ms, the longest ${longest} ms, ${cpu} ms of CPU\n`,
        );
      }
    }
  }
} catch (error) {
  process.stderr.write(`${describeError(error)}\n`);
  process.exitCode = 1;
}
