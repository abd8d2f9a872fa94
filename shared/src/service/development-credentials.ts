import type { ServiceEnvironment } from '../config/environment.js';
import type { Logger } from './logging.js';

/** Passwords that are public: those in docker-compose.yml and .env.example, and RabbitMQ's default. */
const WELL_KNOWN: readonly string[] = ['tributary', 'change-me', 'guest'];

const VARIABLES = ['AMQP_URL', 'REDIS_URL', 'POSTGRES_URL'] as const;

/**
 * Warns about passwords that are fit for development only, and names their variables. It does so only where NODE_ENV is
 * `production`, as in the images: on a developer's machine such a password is expected.
 */
export function warnOfDevelopmentCredentials(env: ServiceEnvironment, log: Logger): void {
  if (env.NODE_ENV !== 'production') return;
  const variables = VARIABLES.filter((name) => (env[name] ?? '').split(',').some(isWellKnown));
  if (variables.length === 0) return;
  log.warn(
    { variables },
    'running with a password that anybody can read in the sources; set others (in .env for docker compose) before anything but this machine can reach it',
  );
}

function isWellKnown(url: string): boolean {
  if (!URL.canParse(url.trim())) return false;
  return WELL_KNOWN.includes(new URL(url.trim()).password);
}
