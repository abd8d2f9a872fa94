import { spawn } from 'node:child_process';
import { join } from 'node:path';

/** The top of the checkout, where people run the README's commands. */
export const root = join(import.meta.dirname, '..', '..', '..');

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a shell command at the top of the checkout, to its end. */
export async function attempt(command: string, env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const child = spawn('/bin/sh', ['-c', command], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const text = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (chunk: string) => {
      text[stream] += chunk;
    });
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  return { code, ...text };
}

/**
 * The same for a command that must succeed.
 * @returns what it wrote to its standard output
 * @throws Error with the end of what it said if it fails
 */
export async function run(command: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  const { code, stdout, stderr } = await attempt(command, env);
  if (code === 0) return stdout;
  const end = `${stdout}\n${stderr}`.trim().split('\n').slice(-25).join('\n');
  throw new Error(`${command} ended with ${code}:\n${end}`);
}
