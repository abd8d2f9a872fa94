import { userInfo } from 'node:os';
import type { Environment } from '@tributary/shared';

/**
 * Whoever is at the shell.
 * @param whoRuns the user of this process; throws for one that the system has no name for, as in a container that runs as any number
 */
export function atShell(env: Environment, whoRuns: () => { username: string } = userInfo) {
  return { name: env.AUDIT_ACTOR || nameOf(whoRuns), role: 'admin', from: 'shell' } as const;
}

function nameOf(whoRuns: () => { username: string }): string {
  try {
    return whoRuns().username;
  } catch {
    return `user ${process.getuid?.()}`;
  }
}
