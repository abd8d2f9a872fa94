import { hostname } from 'node:os';
import { createLogger, describeError, loadPipeline, runMain } from '@tributary/shared';
import { createConsumer } from './service.js';

// `npm run consumer`: one consumer of every queue of the pipeline. Run as many as you like.
const { AMQP_URL, REDIS_URL, POSTGRES_URL, PIPELINE, PORT, HOST, INSTANCE_ID, LOG_LEVEL } = process.env;
const instance = INSTANCE_ID || hostname();
const log = createLogger({ service: 'consumer', instance, level: LOG_LEVEL });

if (!AMQP_URL || !REDIS_URL) {
  log.fatal('set AMQP_URL and REDIS_URL (see .env.example), or run everything in one process with: npm start');
  process.exit(1);
}
try {
  const config = loadPipeline(PIPELINE || 'pipeline.yaml', process.env);
  const options = { config, amqpUrl: AMQP_URL, redisUrl: REDIS_URL, postgresUrl: POSTGRES_URL, instance, log };
  const consumer = createConsumer({ ...options, port: Number(PORT || 8082), host: HOST || '127.0.0.1' });
  await runMain(consumer, log);
} catch (error) {
  log.fatal(describeError(error));
  process.exit(1);
}
