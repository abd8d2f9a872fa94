import { systemClock } from '@tributary/shared';
import { Client, escapeIdentifier } from 'pg';
import { createSink } from '../../consumer/src/sinks/create.js';
import type { Store } from '../../consumer/test/sinks/conformance.js';
import { pipeline } from '../../consumer/test/sinks/records.js';
import { uniqueName } from '../services/handle.js';

export interface PostgresStore extends Store {
  readonly schema: string;
  /** Runs statements as somebody who looks at the tables from outside; the schema's tables need no prefix. */
  query<Row>(text: string, values?: unknown[]): Promise<Row[]>;
}

/** Rows in a schema of the test's own. */
export async function postgresStore(url: string, settings: { history?: boolean } = {}): Promise<PostgresStore> {
  const schema = uniqueName('sinks');
  const client = new Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  await client.query(`SET search_path TO ${escapeIdentifier(schema)}`);
  return {
    schema,
    connect(config = pipeline()) {
      const postgres = { history: false, ...settings, schema };
      const sink = { ...config.sink, type: 'postgres' as const, postgres };
      return createSink({ config: { ...config, sink }, postgresUrl: url, clock: systemClock });
    },
    async query<Row>(text: string, values: unknown[] = []) {
      return (await client.query(text, values)).rows as Row[];
    },
    async obstruct(dataset) {
      await client.query(`ALTER TABLE ${dataset} ADD CONSTRAINT obstructed CHECK (false) NOT VALID`);
      return async () => void (await client.query(`ALTER TABLE ${dataset} DROP CONSTRAINT obstructed`));
    },
    async remove() {
      await client.query(
        `SET client_min_messages TO warning; DROP SCHEMA IF EXISTS ${escapeIdentifier(schema)} CASCADE`,
      );
      await client.end();
    },
  };
}
