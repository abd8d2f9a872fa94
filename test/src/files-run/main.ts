import { parseArgs } from 'node:util';
import { describeError } from '@tributary/shared';
import { wholeNumber } from '../chaos/arguments.js';
import { untilInterrupted } from '../chaos/interrupt.js';
import { formatFilesRun, runFiles } from './run.js';

const HELP = `Reads a bank's transactions from files with planted faults, while the services are killed. Exit 1 if not each is where it belongs.

  npm run files-run -- [options]

  --records N   how many (default 1800000)
  --json        print one JSON object on stdout, and nothing else there
`;

// `npm run files-run`
try {
  const { values } = parseArgs({
    options: {
      records: { type: 'string', default: '1800000' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) process.stdout.write(HELP);
  else {
    const result = await runFiles({
      records: wholeNumber('--records', values.records, 1_000, 10_000_000),
      say: (line) => process.stderr.write(`${line}\n`),
      signal: untilInterrupted(),
    });
    (values.json ? process.stderr : process.stdout).write(`${formatFilesRun(result)}\n`);
    if (values.json) process.stdout.write(`${JSON.stringify(result.report)}\n`);
    if (!result.report.ok) process.exitCode = 1;
  }
} catch (error) {
  process.stderr.write(`${describeError(error)}\n`);
  process.exitCode = 1;
}
