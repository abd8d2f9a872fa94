import { mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { Redis } from '@tributary/shared';
import type { Servers } from './servers.js';
import { median } from './statistics.js';

/** The machine that the figures belong to. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly os: string;
  readonly node: string;
  readonly rabbitmq: string;
  readonly redis: string;
  /** Undefined if no figure needed Postgres. */
  readonly postgres: string | undefined;
  /** Milliseconds to make 4 KB durable in the folder that the bench writes to: the median of 100 times. */
  readonly fsyncMs: number;
  /** ISO 8601, in UTC. */
  readonly measuredAt: string;
  /** The load average of the last minute when the bench started, caused by other programs. */
  readonly loadBefore: number;
}

export const loadNow = (): number => Math.round((loadavg()[0] ?? 0) * 100) / 100;

export const cpuModel = (): string => cpus()[0]?.model ?? 'unknown';

/** The part that is known before the measurements. */
export type Before = Pick<Machine, 'measuredAt' | 'loadBefore'>;

export async function describeMachine(servers: Servers, folder: string, before: Before): Promise<Machine> {
  const [broker, redis] = await Promise.all([servers.broker(), servers.redis()]);
  return {
    cpu: cpuModel(),
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 1024 ** 3),
    os: `${type()} ${release()}`,
    node: process.version,
    rabbitmq: broker.version,
    redis: await redisVersion(redis.url),
    postgres: await servers.postgresVersion(),
    fsyncMs: await measureFsync(folder),
    ...before,
  };
}

async function redisVersion(url: string): Promise<string> {
  const client = new Redis(url);
  try {
    return /^redis_version:(\S+)/m.exec(await client.info('server'))?.[1] ?? 'unknown';
  } finally {
    client.disconnect();
  }
}

async function measureFsync(folder: string): Promise<number> {
  const own = mkdtempSync(join(folder, 'fsync-'));
  const file = await open(join(own, 'file'), 'w');
  try {
    const times: number[] = [];
    for (let count = 0; count < 100; count++) {
      const began = performance.now();
      await file.write(Buffer.alloc(4_096));
      await file.datasync();
      times.push(performance.now() - began);
    }
    return Math.round(median(times) * 100) / 100;
  } finally {
    await file.close();
    rmSync(own, { recursive: true });
  }
}
