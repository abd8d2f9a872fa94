import type { PipelineConfig, Registry } from '@tributary/shared';
import type { Guard } from '../access/guard.js';
import type { Alerts } from '../alerts/alerts.js';
import type { AuditLog } from '../audit/audit.js';
import type { Configuration } from '../configuration/configuration.js';
import type { DatasetReader } from '../data/readers/port.js';
import type { Broker } from '../dead-letters/broker.js';
import type { DeadLetters } from '../dead-letters/dead-letters.js';
import type { Listing } from '../dead-letters/listing.js';
import type { Exports } from '../exports/exports.js';
import type { Live } from '../flow/live.js';
import type { Observer, ServiceUrls } from '../flow/observer.js';
import type { Discover } from '../sources/discover.js';
import type { Sql } from '../sql/access.js';
import type { Journal } from '../trace/journal.js';

/** What the operations of the API work with. */
export interface Context {
  readonly config: PipelineConfig;
  /** Names this dashboard among others. */
  readonly instance: string;
  readonly guard: Guard;
  /** The dashboard's own metrics. */
  readonly registry: Registry;
  readonly audit: AuditLog;
  readonly reader: DatasetReader;
  readonly sql: Sql;
  readonly exports: Exports;
  /** Undefined if no setting says where it is. */
  readonly journal: Journal | undefined;
  readonly broker: Pick<Broker, 'problem'>;
  readonly deadLetters: DeadLetters;
  readonly listing: Listing;
  readonly observer: Observer;
  readonly live: Live;
  readonly alerts: Alerts;
  /** The pipeline file as it runs; undefined where there is none. */
  readonly configuration: Configuration | undefined;
  /** Where producers and consumers answer. */
  readonly services: () => ServiceUrls;
  /** The token that producers take commands with; they refuse commands without it. */
  readonly producerToken: string | undefined;
  /** Looks at an API; undefined where the command line did not start the dashboard. */
  readonly discover: Discover | undefined;
  /** Milliseconds after which an answer is cut that a client still reads. */
  readonly longestAnswer: number;
  /** The mock CRM's address, in demo mode. */
  readonly mockApi: () => string | undefined;
}
