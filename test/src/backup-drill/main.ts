import { parseArgs } from 'node:util';
import { count, describeError, either, isSinkKind } from '@tributary/shared';
import { wholeNumber } from '../chaos/arguments.js';
import { untilInterrupted } from '../chaos/interrupt.js';
import { runDrill } from './drill.js';

const HELP = `Backs up a pipeline in the middle of traffic, loses everything, restores, and audits what is there. Exit 1 if anything is wrong.

  npm run backup-drill -- [options]

  --sink NAME   csv or postgres (default: one after the other)
  --seed N      chooses the API's records, and when the commands are killed (default 1)
  --kills K     how often backup and restore are killed, each, before they may come to their end (default 4)
  --json        print one JSON object for each sink on stdout, and nothing else there
`;

// `npm run backup-drill`
try {
  const { values } = parseArgs({
    options: {
      sink: { type: 'string' },
      seed: { type: 'string', default: '1' },
      kills: { type: 'string', default: '4' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) process.stdout.write(HELP);
  else {
    const sinks = values.sink === undefined ? ['csv', 'postgres'] : [values.sink];
    const signal = untilInterrupted();
    for (const sink of sinks) {
      if (!isSinkKind(sink)) throw new Error(`--sink: expected ${either(['csv', 'postgres'])}, found "${sink}"`);
      const { report, table, findings, problems } = await runDrill({
        sink,
        seed: wholeNumber('--seed', values.seed, 0, 2 ** 32 - 1),
        kills: wholeNumber('--kills', values.kills, 0, 50),
        say: (line) => process.stderr.write(`${line}\n`),
        signal,
      });
      const { backup, restore, killed, deadLetters } = report;
      const text = `${sink}: backup ${backup[0]} ms and ${backup[1]} MB, restore ${restore[0]} ms and ${restore[1]} MB, at the most
backup killed ${count(killed.backup, 'time')}, restore ${count(killed.restore, 'time')}; ${count(deadLetters, 'dead letter')}

${table}
`;
      (values.json ? process.stderr : process.stdout).write(text);
      if (values.json) process.stdout.write(`${JSON.stringify(report)}\n`);
      for (const one of findings.slice(0, 20)) process.stderr.write(`${JSON.stringify(one)}\n`);
      for (const problem of problems) process.stderr.write(`${problem}\n`);
      if (!report.ok) process.exitCode = 1;
    }
  }
} catch (error) {
  process.stderr.write(`${describeError(error)}\n`);
  process.exitCode = 1;
}
