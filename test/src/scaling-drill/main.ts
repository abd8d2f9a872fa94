import { parseArgs } from 'node:util';
import { describeError } from '@tributary/shared';
import { wholeNumber } from '../chaos/arguments.js';
import { untilInterrupted } from '../chaos/interrupt.js';
import { runDrill } from './drill.js';

const HELP = `Scales real consumers by the queries of KEDA's ScaledObject through a burst, and audits what landed. Exit 1 if anything is wrong.

  npm run scaling-drill -- [options]

  --customers N   the burst (default 20000)
  --consumers K   consumers at most (default 4)
  --factor F      the thresholds and times of the ScaledObject are divided by it (default 12): one machine cannot pile up what a cluster does
  --json          print one JSON object on stdout, and nothing else there
`;

// `npm run scaling-drill`
try {
  const { values } = parseArgs({
    options: {
      customers: { type: 'string', default: '20000' },
      consumers: { type: 'string', default: '4' },
      factor: { type: 'string', default: '12' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) process.stdout.write(HELP);
  else {
    const { report, table, problems } = await runDrill({
      customers: wholeNumber('--customers', values.customers, 1_000, 1_000_000),
      consumers: wholeNumber('--consumers', values.consumers, 2, 10),
      factor: wholeNumber('--factor', values.factor, 1, 60),
      say: (line) => process.stderr.write(`${line}\n`),
      signal: untilInterrupted(),
    });
    const { backlog, oldestSeconds, most, last, started, stopped, seconds, deadLetters } = report;
    const text = `${backlog} records waited at the most, the oldest for ${oldestSeconds} s; ${most} consumers at the most, ${last} at the end
${started} started, ${stopped} stopped, within ${seconds} s; ${deadLetters} dead letters

${table}
`;
    (values.json ? process.stderr : process.stdout).write(text);
    if (values.json) process.stdout.write(`${JSON.stringify(report)}\n`);
    for (const problem of problems) process.stderr.write(`${problem}\n`);
    if (!report.ok) process.exitCode = 1;
  }
} catch (error) {
  process.stderr.write(`${describeError(error)}\n`);
  process.exitCode = 1;
}
