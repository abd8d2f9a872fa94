import { hostname } from 'node:os';
import { createLogger, describeError, loadPipeline, readPort, runMain } from '@tributary/shared';
import { createDashboard } from './service.js';
import { readDashboardSettings, readServiceUrls } from './settings.js';

const { PIPELINE, HOST, INSTANCE_ID, LOG_LEVEL, AMQP_URL, REDIS_URL, POSTGRES_URL, ADMIN_TOKEN, MOCK_API_URL } =
  process.env;
const instance = INSTANCE_ID || hostname();

try {
  const log = createLogger({ service: 'dashboard', instance, level: LOG_LEVEL });
  const config = loadPipeline(PIPELINE || 'pipeline.yaml', process.env);
  const port = readPort(process.env, 8000);
  const own = readDashboardSettings(process.env);
  const services = readServiceUrls(process.env);
  const dashboard = createDashboard({
    ...{
      config,
      port,
      host: HOST || '127.0.0.1',
      instance,
      log,
      amqpUrl: AMQP_URL,
      redisUrl: REDIS_URL,
      postgresUrl: POSTGRES_URL,
      producerToken: ADMIN_TOKEN,
    },
    ...own,
    services: () => services,
    mockApi: () => MOCK_API_URL || undefined,
  });
  await runMain(dashboard, log);
} catch (error) {
  process.stderr.write(`${describeError(error)}\n`);
  process.exitCode = 1;
}
