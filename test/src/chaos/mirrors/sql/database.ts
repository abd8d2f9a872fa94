import type { PrivateService, Say } from '../../../../services/handle.js';
import type { Changes } from '../follow.js';

/** A kind of database into which the CRM is mirrored. */
export interface MirrorDatabase {
  /** Starts a server of the run's own. */
  start(say: Say): Promise<PrivateService>;
  /** Makes the tables, named after the collections, empty, with columns named after the fields. */
  makeTables(url: string): Promise<void>;
  /** Writes changes in one transaction. */
  write(url: string, changes: Changes): Promise<void>;
}
