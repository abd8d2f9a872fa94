import { hostname } from 'node:os';
import { createLogger, describeError, FatalError, loadPipeline, runMain } from '@tributary/shared';
import { createDashboard } from './service.js';

const { PIPELINE, PORT, HOST, INSTANCE_ID, LOG_LEVEL } = process.env;
const instance = INSTANCE_ID || hostname();
const log = createLogger({ service: 'dashboard', instance, level: LOG_LEVEL || 'info' });

try {
  const config = loadPipeline(PIPELINE || 'pipeline.yaml', process.env);
  const port = Number(PORT || 8000);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new FatalError('port_invalid', `PORT is "${PORT}": expected a number from 0 to 65535`);
  }
  await runMain(createDashboard({ config, port, host: HOST || '127.0.0.1', instance, log }), log);
} catch (error) {
  log.fatal({ reason: describeError(error) }, 'cannot start');
  process.exit(1);
}
