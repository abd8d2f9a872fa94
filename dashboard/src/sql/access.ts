import { FatalError } from '@tributary/shared';
import { ROLES, type Role } from '../access/roles.js';
import type { SqlEngine } from './port.js';
import type { SavedQueries } from './saved.js';

/** What is asked in SQL on the page, and who may. */
export interface Sql {
  readonly engine: SqlEngine;
  readonly role: Role | 'off';
  readonly saved: SavedQueries;
  /** Where files stand until they are sent; this machine's folder for temporary files unless given. */
  readonly folder: string | undefined;
}

/**
 * Who may ask in SQL: all who may look, unless the setting says otherwise, since a query shows what they see anyway.
 * @throws FatalError for another word
 */
export function sqlRoleOf(setting: string | undefined): Role | 'off' {
  const word = setting || 'viewer';
  const found = [...ROLES, 'off' as const].find((one) => one === word);
  if (found !== undefined) return found;
  throw new FatalError(
    'settings_invalid',
    `DASHBOARD_SQL is "${word.slice(0, 40)}": expected ${ROLES.join(', ')} or off`,
  );
}
