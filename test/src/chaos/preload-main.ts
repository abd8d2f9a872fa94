import { parseArgs } from 'node:util';
import { describeError } from '@tributary/shared';
import { wholeNumber } from './arguments.js';
import { untilInterrupted } from './interrupt.js';
import { formatPreload, runPreload } from './preload.js';

const HELP = `Consumes a queue full of distinct records while its consumers are killed, and counts the rows. Exit 1 if not one each.

  npm run chaos:preload -- [options]

  --records N       how many (default 200000)
  --consumers K     consumer processes (default 3)
  --kill-every T    a kill -9 of one of them, such as every 2s (default); 0s for none
  --batch B         records that make a batch (default 10)
  --json            print one JSON object on stdout, and nothing else there
`;

// `npm run chaos:preload`
try {
  const { values } = parseArgs({
    options: {
      records: { type: 'string', default: '200000' },
      consumers: { type: 'string', default: '3' },
      'kill-every': { type: 'string', default: '2s' },
      batch: { type: 'string', default: '10' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) process.stdout.write(HELP);
  else {
    const result = await runPreload({
      records: wholeNumber('--records', values.records, 1, 10_000_000),
      consumers: wholeNumber('--consumers', values.consumers, 1, 50),
      killEvery: wholeNumber('--kill-every', values['kill-every'].replace(/s$/, ''), 0, 3_600) * 1_000,
      batchSize: wholeNumber('--batch', values.batch, 1, 2_000),
      say: (line) => process.stderr.write(`${line}\n`),
      signal: untilInterrupted(),
    });
    (values.json ? process.stderr : process.stdout).write(`${formatPreload(result)}\n`);
    if (values.json) process.stdout.write(`${JSON.stringify(result.report)}\n`);
    if (!result.report.ok) process.exitCode = 1;
  }
} catch (error) {
  process.stderr.write(`${describeError(error)}\n`);
  process.exitCode = 1;
}
