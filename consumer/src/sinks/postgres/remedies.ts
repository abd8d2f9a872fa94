/** What a person can do, by SQLSTATE (Postgres manual, appendix A) or code of Node.js. What is told is tried again in any case. */
const BY_CODE: Readonly<Record<string, string>> = {
  '3D000': 'create that database, or name another in POSTGRES_URL',
  '23502':
    'nothing fills that column: give it a default (ALTER TABLE ... ALTER COLUMN ... SET DEFAULT ...), or DROP NOT NULL',
  '25006':
    'it is read-only, perhaps a standby: name the primary in POSTGRES_URL, or all servers with commas between them',
  '28000': 'check user and password in POSTGRES_URL, and pg_hba.conf',
  '28P01': 'check user and password in POSTGRES_URL',
  '40001': 'other transactions were faster each time',
  '40P01': 'other programs lock the same rows in another order',
  '42501': 'grant its user what it lacks',
  '53100': 'its disk is full: free some space',
  '53200': 'it has no memory left: give it more, or lower work_mem and max_connections',
  '53300': 'raise its max_connections, or run fewer consumers',
  '55P03':
    'another session has locked the table or its rows: SELECT * FROM pg_locks JOIN pg_stat_activity USING (pid) shows which',
  '57014':
    'the statement took too long or was cancelled: see whether the server is overloaded, and whether its user has a statement_timeout that is too small',
  '57P01': 'an administrator has stopped it or ended the connection',
  '57P03': 'it is starting up, or shutting down',
  '58030': 'it cannot read or write its files: see its log',
  XX001: 'its files are damaged: see its log, and restore a backup',
  XX002: 'an index is damaged: REINDEX it',
  ECONNREFUSED: 'is it running, and are host and port in POSTGRES_URL right?',
  ENOTFOUND: 'check the host in POSTGRES_URL',
};

const BY_CLASS: Readonly<Record<string, string>> = {
  '08': 'the connection broke',
  '28': 'check user and password in POSTGRES_URL, and pg_hba.conf',
  '53': 'it lacks a resource: see its log',
  '57': 'it was stopped from outside: see its log',
  '58': 'the machine under it has failed: see its log',
  XX: 'see its log',
};

/** In brackets, to be put behind the server's own words; empty if there is nothing to say. */
export function remedyFor(code: string): string {
  const remedy = BY_CODE[code] ?? (code.length === 5 ? BY_CLASS[code.slice(0, 2)] : undefined);
  return remedy === undefined ? '' : ` (${remedy})`;
}
