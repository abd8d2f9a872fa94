import { hostname } from 'node:os';
import { ConfigError } from '../config/fault.js';
import { loadPipeline } from '../config/load.js';
import type { PipelineConfig } from '../config/schema.js';
import { FatalError } from '../errors.js';
import { createLogger, type Logger, type LogOutput } from './logging.js';

/** Names and values, such as `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What producer and consumer need alike. As processes of their own they read it from the environment. */
export interface ServiceSettings {
  readonly config: PipelineConfig;
  readonly amqpUrl: string;
  readonly redisUrl: string;
  /** Names this one among its like: in logs, in RabbitMQ's UI, in the names of its parts. */
  readonly instance: string;
  /** Of its HTTP server, with /healthz, /readyz and /metrics; 0 for any free one. */
  readonly port: number;
  readonly host: string;
  readonly log: Logger;
}

const isPort = (port: number): boolean => Number.isInteger(port) && port >= 0 && port < 65_536;

/** @throws FatalError if the environment names a port that cannot be one */
export function readPort({ PORT }: Environment, usual: number): number {
  const port = Number(PORT || usual);
  if (!isPort(port)) throw new FatalError('port_invalid', `PORT is "${PORT}": expected a number from 0 to 65535`);
  return port;
}

/**
 * @param output where log lines go; stdout unless given
 * @throws ConfigError with everything that is wrong with the environment, or else with the pipeline
 */
export function readServiceSettings(
  service: string,
  defaultPort: number,
  env: Environment,
  output?: LogOutput,
): ServiceSettings {
  const { AMQP_URL: amqpUrl = '', REDIS_URL: redisUrl = '' } = env;
  const instance = env.INSTANCE_ID || hostname();
  const port = Number(env.PORT || defaultPort);
  const missing = (example: string) =>
    `not set; set it to something like ${example}, or run everything in one process with: npm start (npx tributary start)`;
  const faults = [
    ...(amqpUrl === '' ? [{ path: 'AMQP_URL', message: missing('amqp://guest:guest@127.0.0.1:5672') }] : []),
    ...(redisUrl === '' ? [{ path: 'REDIS_URL', message: missing('redis://127.0.0.1:6379') }] : []),
    ...(isPort(port)
      ? []
      : [{ path: 'PORT', message: `"${env.PORT}" is not a port: expected a number from 0 to 65535` }]),
  ];
  if (faults.length > 0) throw new ConfigError('the environment', faults);
  const log = createLogger({ service, instance, level: env.LOG_LEVEL }, output);
  const config = loadPipeline(env.PIPELINE || 'pipeline.yaml', env);
  return { config, amqpUrl, redisUrl, instance, port, host: env.HOST || '127.0.0.1', log };
}
