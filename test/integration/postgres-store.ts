import { systemClock } from '@tributary/shared';
import { Client, escapeIdentifier } from 'pg';
import { createSink } from '../../consumer/src/sinks/create.js';
import type { TableSettings } from '../../consumer/src/sinks/postgres/tables.js';
import type { Store } from '../../consumer/test/sinks/conformance.js';
import { pipeline } from '../../consumer/test/sinks/records.js';
import { uniqueName } from '../services/handle.js';

export interface PostgresStore extends Store {
  readonly schema: string;
  /** Runs statements as somebody who looks at the tables from outside; the schema's tables need no prefix. */
  query<Row>(text: string, values?: unknown[]): Promise<Row[]>;
}

/** Rows in a schema of the test's own. */
export async function postgresStore(url: string, settings: Partial<TableSettings> = {}): Promise<PostgresStore> {
  const schema = uniqueName('sinks');
  const query = async <Row>(text: string, values: unknown[] = []) => {
    // A connection for each: the server may have been away meanwhile.
    const client = new Client({ connectionString: url });
    await client.connect();
    try {
      await client.query(`SET client_min_messages TO warning; SET search_path TO ${escapeIdentifier(schema)}`);
      return (await client.query(text, values)).rows as Row[];
    } finally {
      await client.end();
    }
  };
  return {
    schema,
    query,
    connect(config = pipeline()) {
      const postgres = { ...config.sink.postgres, ...settings, schema };
      const sink = { ...config.sink, type: 'postgres' as const, postgres };
      return createSink({ config: { ...config, sink }, postgresUrl: url, clock: systemClock });
    },
    async obstruct(dataset) {
      await query(`CREATE FUNCTION fill_disk() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'no space left on device' USING ERRCODE = 'disk_full'; END $$`);
      await query(`CREATE TRIGGER obstructed BEFORE INSERT ON ${dataset} EXECUTE FUNCTION fill_disk()`);
      return async () => void (await query(`DROP TRIGGER obstructed ON ${dataset}`));
    },
    async refuse(dataset, key) {
      const name = uniqueName('refused');
      await query(`ALTER TABLE ${dataset} ADD CONSTRAINT ${name} CHECK (_key <> '${key}') NOT VALID`);
      return async () => void (await query(`ALTER TABLE ${dataset} DROP CONSTRAINT ${name}`));
    },
    async remove() {
      await query(`DROP SCHEMA IF EXISTS ${escapeIdentifier(schema)} CASCADE`);
    },
  };
}
