import type { Load } from '../access/places.js';

/**
 * What may run at once. With Postgres, each holds a connection, a download for as long as its client reads; CONNECTIONS of
 * readers/postgres/database.ts leaves some for everything else. With CSV, each reads the parts.
 */
export const DOWNLOADS: Load = { what: 'downloads', atOnce: 3, waiting: 12 };
export const SEARCHES: Load = { what: 'searches', atOnce: 3, waiting: 40 };
/** Queries in SQL: each is a process of its own, with some hundred megabytes. */
export const QUERIES: Load = { what: 'queries', atOnce: 2, waiting: 20 };
/** Looks at a queue of dead letters: each takes all of it and gives it back. */
export const LOOKS: Load = { what: 'looks at dead letters', atOnce: 2, waiting: 20 };
/** Looks at the audit log: each reads up to 2 MB of it. */
export const AUDITS: Load = { what: 'looks at the audit log', atOnce: 2, waiting: 20 };
/** Bodies of many megabytes, which are in memory several times while they are read. */
export const LARGE_BODIES: Load = { what: 'records to send again', atOnce: 2, waiting: 10 };
/** Looks at an API that a person has pasted: each may take a minute, and reads some megabytes. */
export const DISCOVERIES: Load = { what: 'looks at APIs', atOnce: 1, waiting: 2 };
/** Checks of a pipeline file that a person edits: a process for each. */
export const CHECKS: Load = { what: 'checks of the configuration', atOnce: 2, waiting: 10 };
/** Endpoints that are tried: each asks an API, and may take a minute. */
export const TRIES: Load = { what: 'tries of endpoints', atOnce: 1, waiting: 2 };
