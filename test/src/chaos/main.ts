import { randomInt } from 'node:crypto';
import { describeError } from '@tributary/shared';
import { HELP, readArguments } from './arguments.js';
import { runChaos } from './chaos.js';
import { untilInterrupted } from './interrupt.js';
import { formatResult } from './report.js';
import { buildOlder } from './upgrade/older.js';

// `npm run chaos`: exit 0 if nothing was lost, doubled or hurt, 1 otherwise.
try {
  const { json, help, upgrade, from, ...options } = readArguments(process.argv.slice(2), () => randomInt(2 ** 32));
  if (help) process.stdout.write(HELP);
  else {
    const say = (line: string) => void process.stderr.write(`${line}\n`);
    const signal = untilInterrupted();
    const older = upgrade ? await buildOlder(from, { say, signal }) : undefined;
    const result = await runChaos({ ...options, older, say, signal });
    (json ? process.stderr : process.stdout).write(`${formatResult(result)}\n`);
    if (json) process.stdout.write(`${JSON.stringify(result.report)}\n`);
    if (!result.report.ok) process.exitCode = 1;
  }
} catch (error) {
  process.stderr.write(`${describeError(error)}\n`);
  process.exitCode = 1;
}
