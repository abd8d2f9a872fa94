import { either } from '@tributary/shared';
import { createRandom, pick } from '../../random.js';
import { Follower } from '../follow.js';
import type { CollectionName, MirrorKind } from '../mirror.js';
import type { MirrorDatabase } from './database.js';
import { mariadbMirror } from './mariadb.js';
import { postgresMirror } from './postgres.js';

export const DATABASES = { postgres: postgresMirror, mariadb: mariadbMirror } as const satisfies Record<
  string,
  MirrorDatabase
>;

type DatabaseName = keyof typeof DATABASES;

const isDatabase = (name: string): name is DatabaseName => Object.hasOwn(DATABASES, name);

/** Tables of a database, whose server is killed and stopped. */
export const sqlMirror: MirrorKind = {
  async start({ api, seed, database: asked, reach, say, signal }, release) {
    const name = asked ?? databaseOf(seed);
    if (!isDatabase(name)) throw new Error(`--database: expected ${either(Object.keys(DATABASES))}, found "${name}"`);
    const database: MirrorDatabase = DATABASES[name];
    const server = await database.start(say);
    release.add('the source', () => server.stop());
    say(`the source: ${server.how}`);
    await database.makeTables(server.url);
    const follower = new Follower({ api, signal, write: (changes) => database.write(server.url, changes) });
    release.add('what follows the CRM', () => follower.end());
    const url = await reach('producers to the source', server.url);
    const endpoint = (table: CollectionName, more: object) => ({
      source: 'sql',
      url,
      table,
      // So few that a poll has several.
      chunk: 50,
      timeout: '5s',
      connectTimeout: '2s',
      ...more,
    });
    return {
      endpoints: {
        // The rows are committed in the order of their versions. An overlap would read each change several times, and hide that one was lost.
        customers: endpoint('customers', { incremental: { overlap: '0s' } }),
        products: endpoint('products', { incremental: false }),
      },
      server,
      isPolled: true,
      begin: () => follower.begin(),
      caughtUp: (until) => follower.caughtUp(until),
    };
  },
};

const databaseOf = (seed: number): DatabaseName =>
  pick(createRandom(seed ^ 0xdb), [
    ['postgres', 1],
    ['mariadb', 1],
  ]);
