import { expect } from 'vitest';
import type { Stage } from './stage.js';

/** What `--once --json` prints. */
export interface Summary {
  readonly polled: number;
  readonly published: number;
  readonly accepted: number;
  readonly duplicate: number;
  readonly stale: number;
  readonly deadLettered: number;
  readonly deadAgain: number;
  readonly rows: Readonly<Record<string, number>>;
  readonly seconds: number;
  readonly output: string;
  readonly endpoints: readonly {
    readonly endpoint: string;
    readonly records: number;
    readonly deleted?: number;
    readonly notDeleted?: { readonly records: number; readonly reason: string };
    readonly allDied?: true;
    readonly error?: string;
  }[];
  readonly died?: readonly {
    readonly endpoint: string;
    readonly code: string;
    readonly field?: string;
    readonly reason: string;
    readonly keys: readonly string[];
    readonly count: number;
  }[];
  readonly withheld?: readonly string[];
}

/** Runs `npm start -- --once --json ...` and reads what it prints: one JSON object, and nothing else. */
export async function runOnce(
  stage: Stage,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ code: number | null; summary: Summary; stderr: string }> {
  const { code, stdout, stderr } = await stage.run('tributary', { args: ['--once', '--json', ...args], env });
  expect(stdout, `stdout; stderr was: ${stderr}`).toMatch(/^\{.*\}\n$/);
  return { code, summary: JSON.parse(stdout) as Summary, stderr };
}
