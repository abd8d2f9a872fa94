import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ReleaseList, SinkKind } from '@tributary/shared';
import type { Say } from '../../../services/handle.js';
import { startPrivatePostgres, startPrivatePostgresPair } from '../../../services/postgres.js';
import { startPrivateRedis } from '../../../services/redis.js';
import { startPrivateSentinel } from '../../../services/sentinel.js';
import { type Addresses, addressesOf, type ServerStarts, type Servers } from '../servers.js';
import { siteOf } from '../site.js';
import { envForRedis, type FakeClock, fakeClocks } from './clock.js';
import { type Disk, mountDisk } from './disk.js';
import { Foreign } from './foreign.js';
import { type Link, startLink } from './link.js';
import { PostgresPair } from './postgres-pair.js';
import { WatchedRedis } from './watched-redis.js';

/** What surrounds the services: servers, networks, a disk, clocks, and another program. */
export interface World {
  readonly starts: ServerStarts;
  /** Networks between services and servers, by a name for people. */
  readonly links: ReadonlyMap<string, Link>;
  /** The disk of the output, where the output is a folder. */
  readonly disk: Disk | undefined;
  readonly foreign: Foreign;
  /** Where the services of a workspace reach the servers. */
  addressesFor(workspace: 'producer' | 'consumer', servers: Servers): Promise<Addresses>;
  /** Where the producers reach what they read. @param name for people: `producers to the API` */
  reach(name: string, url: string): Promise<string>;
  /** The clock for a process of this name, which can be moved. */
  readonly clockFor: (name: string) => FakeClock | undefined;
  /** The clock of Redis, where that runs alone. */
  readonly redisClock: FakeClock | undefined;
}

/** A run without `--world`: nothing lies between the services and the servers. */
export function quietWorld({ seed, sink }: { readonly seed: number; readonly sink: SinkKind }): World {
  return {
    starts: {
      redis: (say) => startPrivateRedis({}, say),
      postgres: sink === 'postgres' ? startPrivatePostgres : undefined,
    },
    links: new Map(),
    disk: undefined,
    foreign: new Foreign(seed),
    addressesFor: async (_workspace, servers) => addressesOf(servers),
    reach: async (_name, url) => url,
    clockFor: () => undefined,
    redisClock: undefined,
  };
}

/** @throws Error if this machine lacks what it takes: root for a disk, and libfaketime */
export async function roughWorld(
  { folder, seed, sink, say }: { folder: string; seed: number; sink: SinkKind; say: Say },
  release: ReleaseList,
): Promise<World> {
  const site = siteOf(seed, true);
  const clockFiles = join(folder, 'clocks');
  mkdirSync(clockFiles);
  const clockFor = await fakeClocks(clockFiles, say);
  const redisClock = site.redis === 'alone' ? clockFor('redis') : undefined;
  const disk = sink === 'csv' ? mountDisk(join(folder, 'output')) : undefined;
  if (disk !== undefined) release.add('the disk of the output', () => disk.release());
  const links = new Map<string, Link>();

  const linkTo = async (name: string, url: string): Promise<string> => {
    const link = await startLink(url);
    links.set(name, link);
    release.add(`the link ${name}`, () => link.close());
    return link.url;
  };
  const startWatched = async () => {
    const names = ['all to the one Redis', 'all to the other Redis'];
    return new WatchedRedis(
      await startPrivateSentinel({ front: (url) => linkTo(names.shift() ?? `all to Redis at ${url}`, url) }, say),
    );
  };
  const startPair = async () => new PostgresPair(await startPrivatePostgresPair(say));

  return {
    starts: {
      redis: redisClock === undefined ? startWatched : () => startPrivateRedis({ env: envForRedis(redisClock) }, say),
      postgres: sink !== 'postgres' ? undefined : site.postgres === 'pair' ? startPair : startPrivatePostgres,
    },
    links,
    disk,
    foreign: new Foreign(seed),
    async addressesFor(workspace, { rabbitmq, redis, postgres }) {
      const toPostgres = async (name: string, url: string) =>
        workspace === 'consumer' ? await linkTo(`consumers to ${name}`, url) : url;
      return {
        rabbitmq: await linkTo(`${workspace}s to RabbitMQ`, rabbitmq.url),
        redis: redis instanceof WatchedRedis ? redis.sentinel : await linkTo(`${workspace}s to Redis`, redis.url),
        postgres:
          postgres instanceof PostgresPair
            ? await postgres.addresses((url, index) => toPostgres(`the ${index === 0 ? 'one' : 'other'} Postgres`, url))
            : postgres && (await toPostgres('Postgres', postgres.url)),
      };
    },
    reach: linkTo,
    clockFor,
    redisClock,
  };
}
