import { expect } from 'vitest';
import { freePort } from '../../services/ports.js';
import { eventually } from './eventually.js';
import type { Program, ProgramName } from './program.js';
import type { Stage } from './stage.js';

/** A service as a process of its own, and where it answers. */
export interface RunningService {
  readonly program: Program;
  readonly url: string;
}

/**
 * Starts `npm run <name>` and waits until it answers, ready or not.
 * @param env its environment; PORT is a free one, LOG_LEVEL warn unless given
 */
export async function startService(
  stage: Stage,
  name: ProgramName,
  env: Readonly<Record<string, string>>,
): Promise<RunningService> {
  const port = await freePort();
  const program = stage.start(name, { env: { PORT: String(port), LOG_LEVEL: 'warn', ...env } });
  const url = `http://127.0.0.1:${port}`;
  await program.orEnd(eventually(async () => expect((await fetch(`${url}/healthz`)).status).toBe(200)));
  return { program, url };
}

/** The two services of the path. */
export interface Both {
  readonly consumer: RunningService;
  readonly producer: RunningService;
}

/** Starts producer and consumer of one pipeline, which polls and writes far more often than it would by itself. */
export async function startBoth(stage: Stage, env: Readonly<Record<string, string>>): Promise<Both> {
  const all = { BATCH_INTERVAL: '500ms', POLL_INTERVAL: '1s', ...env };
  const consumer = await startService(stage, 'consumer', { ...all, INSTANCE_ID: 'consumer' });
  const producer = await startService(stage, 'producer', { ...all, INSTANCE_ID: 'producer' });
  return { consumer, producer };
}

export interface Readiness {
  readonly status: number;
  readonly ready: boolean;
  readonly problems: readonly string[];
}

export async function readiness({ url }: RunningService): Promise<Readiness> {
  const response = await fetch(`${url}/readyz`);
  return { status: response.status, ...((await response.json()) as Omit<Readiness, 'status'>) };
}

export async function untilReady(service: RunningService): Promise<void> {
  await eventually(async () => expect(await readiness(service)).toEqual({ status: 200, ready: true, problems: [] }));
}
