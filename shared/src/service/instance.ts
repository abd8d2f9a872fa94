import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import type { ServiceEnvironment } from '../config/environment.js';
import type { Logger } from './logging.js';

/** RabbitMQ takes names of 255 bytes, files have 255, and other parts of these names need room as well. */
const LONGEST = 60;

/**
 * A name for an instance that fits wherever it is used: in consumer tags, names of connections, leases, and names of files. It stays as it
 * is if it is of letters, digits, dots, dashes and underscores, and not long. Any other gets the beginning of its hash, so that two
 * names that differ still do.
 */
export function instanceName(text: string): string {
  const safe = text.replaceAll(/[^A-Za-z0-9._-]+/g, '-');
  if (safe === text && text.length <= LONGEST) return text;
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 8);
  return `${safe.slice(0, LONGEST - 9)}-${hash}`;
}

/** Names an instance of a service: INSTANCE_ID, or the host's name. */
export const readInstance = (env: ServiceEnvironment): string => instanceName(env.INSTANCE_ID?.trim() || hostname());

/** Says under which name an instance goes whose INSTANCE_ID does not fit. */
export function tellIfRenamed(env: ServiceEnvironment, log: Logger): void {
  const given = env.INSTANCE_ID?.trim() ?? '';
  const used = readInstance(env);
  if (given === '' || given === used) return;
  const fits = `${LONGEST} letters, digits, dots, dashes and underscores at most`;
  log.warn(
    { given: given.slice(0, 300), used },
    `INSTANCE_ID does not fit everywhere, so another name is used; one that fits has ${fits}`,
  );
}
