import { randomBytes } from 'node:crypto';
import type { Clock } from '@tributary/shared';

/** A writer's name is used once: the instance, the time, and chance for two that begin in the same millisecond. */
export function newWriter(instance: string, clock: Clock): string {
  const safe = instance.replaceAll(/[^A-Za-z0-9._-]/g, '_').slice(0, 60);
  return `${safe}-${clock.now().toString(36)}${randomBytes(2).toString('hex')}`;
}
