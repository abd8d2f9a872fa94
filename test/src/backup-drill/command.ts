import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** The built command line. */
const PROGRAM = join(dirname(createRequire(import.meta.url).resolve('tributary')), '..', 'dist', 'cli', 'main.js');

export interface CommandOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly folder: string;
  /** Milliseconds after which it is killed (SIGKILL); never unless given. */
  readonly killAfter?: number | undefined;
}

export interface Ended {
  readonly code: number | null;
  readonly text: string;
  readonly milliseconds: number;
  /** The most memory that it took, in MB; 0 where the system does not tell. */
  readonly megabytes: number;
}

/** Runs a command of `tributary` in a process of its own. */
export async function runCommand(args: readonly string[], { env, folder, killAfter }: CommandOptions): Promise<Ended> {
  const began = performance.now();
  const child = spawn(process.execPath, [...REPORT, PROGRAM, ...args], {
    env: { PATH: process.env.PATH ?? '', ...env },
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      text += String(chunk);
    });
  const timer = killAfter === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfter);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  clearTimeout(timer);
  const milliseconds = Math.round(performance.now() - began);
  const megabytes = Number(/^rss (\d+)$/m.exec(text)?.[1] ?? 0);
  return { code, text: text.replace(/^rss \d+\n/m, ''), milliseconds, megabytes };
}

/** The process says at its end how much memory it took at most. */
const SAYS_RSS = `process.on('exit', () => process.stderr.write('rss ' + Math.round(process.resourceUsage().maxRSS / 1024) + '\\n'))`;
const REPORT = ['--import', `data:text/javascript,${encodeURIComponent(SAYS_RSS)}`];
