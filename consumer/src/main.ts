import { describeError, readServiceSettings, runMain, warnOfDevelopmentCredentials } from '@tributary/shared';
import { createConsumer } from './service.js';

// `npm run consumer`: one consumer of every queue of the pipeline. Run as many as you like.
try {
  const settings = readServiceSettings('consumer', 8082, process.env);
  warnOfDevelopmentCredentials(process.env, settings.log);
  await runMain(createConsumer({ ...settings, postgresUrl: process.env.POSTGRES_URL }), settings.log);
} catch (error) {
  process.stderr.write(`${describeError(error)}\n`);
  process.exitCode = 1;
}
