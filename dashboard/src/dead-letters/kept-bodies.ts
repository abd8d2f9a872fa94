import { randomBytes } from 'node:crypto';
import { readdir, rename, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type ConsumeMessage,
  connectToPrimary,
  DEAD_LETTER_HEADERS,
  isKeptId,
  KEPT_BODIES,
  type KeptOf,
  keptId,
  postgresServers,
  RetryableError,
  readWhole,
  refuseOddMessages,
  type SinkConfig,
  type SinkKind,
} from '@tributary/shared';
import { Client, escapeIdentifier } from 'pg';
import { describeFileError } from '../data/readers/csv/file-error.js';

/** The bodies that the consumer kept with the output. */
export interface KeptStore {
  /** @throws an error saying why it cannot be read */
  read(id: string): Promise<Buffer>;
  /** Tells this body from one that is kept under the same name later; undefined if there is none. */
  mark(id: string): Promise<string | undefined>;
  /** Every body that is there, one after the other, with the place where a person finds it: also what a process left that died meanwhile. */
  all(): AsyncIterable<{ readonly id: string; readonly place: string; readonly body: Buffer }>;
  /** Removes the body, unless it was kept again since the mark was taken: then another letter needs it. */
  remove(id: string, mark: string): Promise<void>;
}

type Stores = { readonly [K in SinkKind]: (settings: SinkConfig[K], postgresUrl: string | undefined) => KeptStore };

const STORES = {
  csv: ({ directory }) => folderStore(join(directory, KEPT_BODIES.folder)),
  postgres: ({ schema }, postgresUrl) => tableStore(postgresUrl, schema),
  program: ({ directory }) => folderStore(join(directory, KEPT_BODIES.folder)),
} satisfies Stores;

export const keptStore = (sink: SinkConfig, postgresUrl: string | undefined): KeptStore =>
  storeOf(sink.type, sink, postgresUrl);

function storeOf<K extends SinkKind>(kind: K, sink: Pick<SinkConfig, K>, postgresUrl: string | undefined): KeptStore {
  const stores: Stores = STORES;
  return stores[kind](sink[kind], postgresUrl);
}

function folderStore(folder: string): KeptStore {
  const markOf = async (path: string): Promise<string | undefined> => {
    try {
      const { ino, mtimeNs } = await stat(path, { bigint: true });
      return `${ino} ${mtimeNs}`;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  };
  return {
    read: (id) => readWhole(join(folder, id)),
    mark: (id) => markOf(join(folder, id)),
    async *all() {
      const names = await readdir(folder).catch((error: unknown) => {
        if (isMissing(error)) return [];
        throw error;
      });
      for (const name of names) {
        const path = join(folder, name);
        const body = await readWhole(path).catch((error: unknown) => {
          if (isMissing(error)) return undefined;
          throw error;
        });
        if (body !== undefined) yield { id: name, place: path, body };
      }
    },
    async remove(id, mark) {
      const path = join(folder, id);
      if ((await markOf(path)) !== mark) return;
      const aside = `${path}-${randomBytes(8).toString('hex')}`;
      await rename(path, aside);
      // The consumer may have kept it again since it was looked at. The content is the same, so it may take any place of it.
      if ((await markOf(aside)) === mark) await unlink(aside);
      else await rename(aside, path);
    },
  };
}

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';

function tableStore(url: string | undefined, schema: string): KeptStore {
  const table = `${escapeIdentifier(schema)}.${escapeIdentifier(KEPT_BODIES.table)}`;
  const query = <Row extends object>(text: string, values: readonly string[]) =>
    withClient(url, async (client) => (await client.query<Row>(text, [...values])).rows);
  return {
    async read(id) {
      const [row] = await query<{ body: Buffer }>(`SELECT body FROM ${table} WHERE id = $1`, [id]);
      if (row === undefined) throw new Error(`${schema}.${KEPT_BODIES.table} has no row ${id}`);
      return row.body;
    },
    async *all() {
      const [{ name } = { name: null }] = await query<{ name: string | null }>(
        'SELECT pg_catalog.to_regclass($1)::text AS name',
        [table],
      );
      if (name === null) return;
      for (const { id } of await query<{ id: string }>(`SELECT id FROM ${table}`, [])) {
        const [row] = await query<{ body: Buffer }>(`SELECT body FROM ${table} WHERE id = $1`, [id]);
        if (row !== undefined) yield { id, place: `row ${id} of ${schema}.${KEPT_BODIES.table}`, body: row.body };
      }
    },
    async mark(id) {
      const [row] = await query<{ mark: string }>(`SELECT kept_at::text AS mark FROM ${table} WHERE id = $1`, [id]);
      return row?.mark;
    },
    async remove(id, mark) {
      await query(`DELETE FROM ${table} WHERE id = $1 AND kept_at::text = $2`, [id, mark]);
    },
  };
}

async function withClient<T>(url: string | undefined, work: (client: Client) => Promise<T>): Promise<T> {
  if (!url) throw new Error('POSTGRES_URL is not set');
  const timeouts = { connectionTimeoutMillis: 5_000, query_timeout: 30_000, statement_timeout: 30_000 };
  const make = (connectionString: string) => refuseOddMessages(new Client({ connectionString, ...timeouts }));
  const client = await connectToPrimary(postgresServers(url), make);
  try {
    return await work(client);
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
 * @param queue the queue that the letter came from
 * @throws RetryableError if it is kept with the output and cannot be read there, or is that of another letter: whoever may publish to
 *   a queue of dead letters could otherwise have any kept body shown, sent again and deleted
 */
export async function originalBody(
  message: ConsumeMessage,
  queue: string,
  kept: Pick<KeptStore, 'read'>,
): Promise<Buffer> {
  const id = keptBodyOf(message);
  if (id === undefined) return message.content;
  const body = await kept.read(id).catch((cause: unknown) => {
    const words = `the body of this dead letter is kept with the output as ${KEPT_BODIES.folder}/${id}, and cannot be read: ${describeFileError(cause)}`;
    throw new RetryableError('kept_body_unreadable', words, { cause });
  });
  if (keptId(keptOf(message, queue), body) === id) return body;
  const words = `this dead letter names ${KEPT_BODIES.folder}/${id} as its body, which is the body of another: no consumer wrote this letter. Discard it`;
  throw new RetryableError('kept_body_foreign', words);
}

function keptOf({ properties }: ConsumeMessage, queue: string): KeptOf {
  const messageId: unknown = properties.messageId;
  return { queue, messageId: typeof messageId === 'string' ? messageId : '' };
}
