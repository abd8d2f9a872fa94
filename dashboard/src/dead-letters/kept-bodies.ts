import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type ConsumeMessage,
  connectToPrimary,
  DEAD_LETTER_HEADERS,
  describeError,
  isKeptId,
  KEPT_BODIES,
  postgresServers,
  RetryableError,
  type SinkConfig,
  type SinkKind,
} from '@tributary/shared';
import { Client, escapeIdentifier } from 'pg';

/** Reads a body that the consumer kept with the output. @throws an error saying why it cannot be read */
export type ReadKept = (id: string) => Promise<Buffer>;

type Readers = { readonly [K in SinkKind]: (settings: SinkConfig[K], postgresUrl: string | undefined) => ReadKept };

const READERS = {
  csv:
    ({ directory }) =>
    (id) =>
      readFile(join(directory, KEPT_BODIES.folder, id)),
  postgres:
    ({ schema }, postgresUrl) =>
    (id) =>
      readRow(postgresUrl, schema, id),
} satisfies Readers;

export const keptReader = (sink: SinkConfig, postgresUrl: string | undefined): ReadKept =>
  readerOf(sink.type, sink, postgresUrl);

function readerOf<K extends SinkKind>(kind: K, sink: Pick<SinkConfig, K>, postgresUrl: string | undefined): ReadKept {
  const readers: Readers = READERS;
  return readers[kind](sink[kind], postgresUrl);
}

async function readRow(url: string | undefined, schema: string, id: string): Promise<Buffer> {
  if (!url) throw new Error('POSTGRES_URL is not set');
  const timeouts = { connectionTimeoutMillis: 5_000, query_timeout: 30_000, statement_timeout: 30_000 };
  const make = (connectionString: string) => new Client({ connectionString, ...timeouts });
  const client = await connectToPrimary(postgresServers(url), make);
  try {
    const table = `${escapeIdentifier(schema)}.${escapeIdentifier(KEPT_BODIES.table)}`;
    const { rows } = await client.query<{ body: Buffer }>(`SELECT body FROM ${table} WHERE id = $1`, [id]);
    const [row] = rows;
    if (row === undefined) throw new Error(`${schema}.${KEPT_BODIES.table} has no row ${id}`);
    return row.body;
  } finally {
    await client.end().catch(() => {});
  }
}

/** The name of the body, if the letter does not hold it itself. */
export function keptBodyOf({ properties }: ConsumeMessage): string | undefined {
  const id: unknown = properties.headers?.[DEAD_LETTER_HEADERS.kept];
  return isKeptId(id) ? id : undefined;
}

/**
 * The body of a letter's original.
 * @throws RetryableError if it is kept with the output and cannot be read there
 */
export async function originalBody(message: ConsumeMessage, read: ReadKept): Promise<Buffer> {
  const id = keptBodyOf(message);
  if (id === undefined) return message.content;
  try {
    return await read(id);
  } catch (cause) {
    const message = `the body of this dead letter is kept with the output as ${KEPT_BODIES.folder}/${id}, and cannot be read: ${describeError(cause)}`;
    throw new RetryableError('kept_body_unreadable', message, { cause });
  }
}
