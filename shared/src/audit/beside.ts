import { dirname, join } from 'node:path';

// What lies beside an audit log, and is backed up with it.

/** How far the log had been written, so that lines that are cut off at its end are missed. */
export const headFileOf = (log: string): string => `${log}.head`;

/** The saved queries of a pipeline. */
export const queriesFileOf = (log: string, pipeline: string): string => join(dirname(log), `queries-${pipeline}.json`);

/** What the alerts of a pipeline are, and who silenced them, where no Redis keeps it. */
export const alertsFileOf = (log: string, pipeline: string): string => join(dirname(log), `alerts-${pipeline}.json`);
