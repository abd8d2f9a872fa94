import { hostname } from 'node:os';
import { ConfigError, createLogger, loadPipeline, runMain } from '@tributary/shared';
import { createProducer, type ProducerOptions } from './service.js';

// `npm run producer`: the producer as a process of its own, beside a RabbitMQ and a Redis that run already.
try {
  const options = readOptions(process.env);
  await runMain(createProducer(options), options.log);
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}

/** @throws ConfigError with everything that is wrong with the environment, or else with the pipeline */
function readOptions(env: NodeJS.ProcessEnv): ProducerOptions {
  const { AMQP_URL: amqpUrl = '', REDIS_URL: redisUrl = '' } = env;
  const instance = env.INSTANCE_ID || hostname();
  const port = Number(env.PORT || 8081);
  const missing = (example: string) =>
    `not set; set it to something like ${example}, or run everything in one process with: npm start`;
  const faults = [
    ...(amqpUrl === '' ? [{ path: 'AMQP_URL', message: missing('amqp://guest:guest@127.0.0.1:5672') }] : []),
    ...(redisUrl === '' ? [{ path: 'REDIS_URL', message: missing('redis://127.0.0.1:6379') }] : []),
    ...(Number.isInteger(port) && port >= 0 && port < 65_536
      ? []
      : [{ path: 'PORT', message: `"${env.PORT}" is not a port: expected a number from 0 to 65535` }]),
  ];
  if (faults.length > 0) throw new ConfigError('the environment', faults);
  return {
    config: loadPipeline(env.PIPELINE || 'pipeline.yaml', env),
    amqpUrl,
    redisUrl,
    instance,
    port,
    host: env.HOST || '127.0.0.1',
    log: createLogger({ service: 'producer', instance, level: env.LOG_LEVEL || undefined }),
    schedule: true,
  };
}
