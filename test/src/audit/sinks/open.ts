import { existsSync } from 'node:fs';
import type { PipelineConfig, SinkConfig, SinkKind } from '@tributary/shared';
import type { AuditArguments } from '../arguments.js';
import { csvRows } from './csv.js';
import type { StoredRows } from './port.js';
import { postgresRows } from './postgres.js';

type Asked = Pick<AuditArguments, 'output' | 'live'>;
type Open = (sink: SinkConfig, asked: Asked) => StoredRows | Promise<StoredRows>;

/** What reads the rows of each kind of sink. */
const READERS: Readonly<Record<SinkKind, Open>> = {
  csv: ({ csv }, { output, live }) => {
    const directory = output ?? csv.directory;
    // Then every expected row is missing: this line says why.
    if (!existsSync(directory)) process.stderr.write(`there is no folder ${directory}: nothing has landed there\n`);
    return csvRows({ ...csv, directory }, live);
  },
  postgres: ({ postgres }) => {
    const url = process.env.POSTGRES_URL;
    if (!url) throw new Error('set POSTGRES_URL to audit the Postgres sink');
    return postgresRows(postgres, url);
  },
  program() {
    throw new Error('the rows go to a sink of a program, which nothing here can read');
  },
};

/**
 * Opens the sink that is audited: that of the pipeline, or the kind that was asked for.
 * @throws Error if something that it needs is missing
 */
export const openRows = async (
  { sink }: PipelineConfig,
  { sink: kind, ...asked }: AuditArguments,
): Promise<StoredRows> => READERS[kind ?? sink.type](sink, asked);
