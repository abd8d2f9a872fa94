import { hostname } from 'node:os';
import { createLogger, describeError, runMain } from '@tributary/shared';
import { createMockApi } from './service.js';
import { readSettings } from './settings.js';

// `npm run mock-api`: a CRM to poll, on its own.
try {
  const settings = readSettings(process.env);
  const log = createLogger({
    service: 'mock-api',
    instance: process.env.INSTANCE_ID || hostname(),
    level: process.env.LOG_LEVEL || undefined,
  });
  await runMain(createMockApi({ ...settings, log }), log);
} catch (error) {
  process.stderr.write(`${describeError(error)}\n`);
  process.exitCode = 1;
}
