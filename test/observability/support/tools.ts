import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { findOrInstall } from '../../services/apt.js';
import { onPath, searchPath } from '../../services/binaries.js';
import { sayOnConsole } from '../../services/handle.js';

const run = promisify(execFile);

/** Prometheus's own checker, of Debian's `prometheus`. */
export const findPromtool = () => findOrInstall(() => onPath('promtool'), ['prometheus'], sayOnConsole);

/** Alertmanager's, of Debian's `prometheus-alertmanager`. */
export const findAmtool = () => findOrInstall(() => onPath('amtool'), ['prometheus-alertmanager'], sayOnConsole);

/** Runs a checker. @returns what it said on its standard output @throws Error with all it said, if it complains */
export async function check(program: string, ...args: readonly string[]): Promise<string> {
  try {
    return (await run(program, args, { env: { PATH: searchPath } })).stdout;
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`${program} ${args.join(' ')}:\n${stdout}${stderr}`);
  }
}
