import { PORTS, type ServiceEnvironment, variable } from '../config/environment.js';
import { ConfigError, type Fault } from '../config/fault.js';
import { loadPipeline } from '../config/load.js';
import type { PipelineConfig } from '../config/schema.js';
import { FatalError } from '../errors.js';
import { readTelemetry, type TelemetrySettings } from '../telemetry/settings.js';
import { readInstance, tellIfRenamed } from './instance.js';
import { createLogger, type Logger, type LogOutput } from './logging.js';
import { type Reading, readingOf } from './reading.js';
import { readToken } from './token.js';

/** What both producer and consumer need. As processes of their own they read it from the environment. */
export interface ServiceSettings {
  readonly config: PipelineConfig;
  readonly amqpUrl: string;
  readonly redisUrl: string;
  /** Names this instance of the service: in logs, in RabbitMQ's UI, in the names of CSV parts. */
  readonly instance: string;
  /** The port of its HTTP server, with /healthz, /readyz and /metrics; 0 for any free one. */
  readonly port: number;
  readonly host: string;
  /** Who may read its metrics, problems and endpoints without a token; those who name this machine unless given. */
  readonly reading?: Reading | undefined;
  /** The token with which programs read them. */
  readonly readToken?: string | undefined;
  readonly log: Logger;
  /** Where traces go; nothing is traced unless given. */
  readonly telemetry?: TelemetrySettings | undefined;
}

const isPort = (port: number): boolean => Number.isInteger(port) && port >= 0 && port < 65_536;

/** @throws FatalError if the environment names a port that cannot be one */
export function readPort({ PORT }: ServiceEnvironment, usual: number): number {
  const port = Number(PORT || usual);
  if (!isPort(port)) throw new FatalError('port_invalid', `PORT is "${PORT}": expected a number from 0 to 65535`);
  return port;
}

/**
 * Where a producer takes events, if not on its own port; undefined if it does.
 * @throws FatalError if the environment names a port that cannot be one
 */
export function readHooksAddress(
  env: ServiceEnvironment,
): { readonly port: number; readonly host: string } | undefined {
  const { WEBHOOK_PORT: text = '' } = env;
  if (text === '') return undefined;
  const port = Number(text);
  if (!isPort(port))
    throw new FatalError('port_invalid', `WEBHOOK_PORT is "${text}": expected a number from 0 to 65535`);
  return { port, host: env.WEBHOOK_HOST || variable(env, 'HOST') };
}

/**
 * @param output where log lines go; stdout unless given
 * @throws ConfigError with every fault of the environment, or else of the pipeline file
 */
export function readServiceSettings(
  service: 'producer' | 'consumer',
  env: ServiceEnvironment,
  output?: LogOutput,
): ServiceSettings {
  const { AMQP_URL: amqpUrl = '', REDIS_URL: redisUrl = '', PORT = '' } = env;
  const instance = readInstance(env);
  const port = Number(PORT || PORTS[service]);
  const faults: Fault[] = [];
  if (amqpUrl === '') faults.push({ path: 'AMQP_URL', message: missing('amqp://user:password@127.0.0.1:5672') });
  if (redisUrl === '') faults.push({ path: 'REDIS_URL', message: missing('redis://127.0.0.1:6379') });
  if (!isPort(port)) {
    faults.push({ path: 'PORT', message: `"${PORT}" is not a port: expected a number from 0 to 65535` });
  }
  if (faults.length > 0) throw new ConfigError('the environment', faults);
  const token = readToken(env, 'READ_TOKEN');
  const reading = readingOf(env.DASHBOARD_READ, env.PUBLISHED_ON || variable(env, 'HOST'), token);
  const telemetry = readTelemetry(env);
  const log = createLogger({ service, instance, level: env.LOG_LEVEL }, output);
  tellIfRenamed(env, log);
  const config = loadPipeline(variable(env, 'PIPELINE'), env);
  const host = variable(env, 'HOST');
  return { config, amqpUrl, redisUrl, instance, port, host, reading, readToken: token, log, telemetry };
}

const missing = (example: string): string =>
  `not set; set it to something like ${example}, or run everything in one process with: npm start (npx tributary start)`;
