import { FatalError } from '@tributary/shared';
import { runCommand } from './command-line.js';

// `npm run endpoints -- ...` and `npm run reset -- ...`: a person's word to the producers that run.
const { PRODUCER_URL, ADMIN_TOKEN } = process.env;
try {
  await runCommand({
    args: process.argv.slice(2),
    producerUrl: PRODUCER_URL || 'http://127.0.0.1:8081',
    adminToken: ADMIN_TOKEN ?? '',
    write: (text) => void process.stdout.write(text),
  });
} catch (error) {
  if (!(error instanceof FatalError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
