import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Workspace } from '../worker.js';

/** A version of Tributary from before, built and ready to run. */
export interface OlderVersion {
  /** Its version and its commit, for people. */
  readonly name: string;
  /** The built program of a service. */
  program(workspace: Workspace): string;
  /** Why it does not take a pipeline file; undefined if it does. */
  refuses(pipeline: string): Promise<string | undefined>;
}

export interface BuildOptions {
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Where versions stay that were built, so that the next run has them at once. Outside of this repository: what one lacks must not be found in here. */
const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'tributary', 'versions');

/** The last file that is written to the folder of a version. */
const BUILT = '.built';

/** The name of a release's tag. */
const TAG = 'v[0-9]*';

/**
 * Builds a version from before: the files of its commit, `npm ci`, and its services.
 * @param from a tag or a commit; the last release before this commit unless given
 * @throws Error saying why it cannot be had, and what to do
 */
export async function buildOlder(from: string | undefined, options: BuildOptions): Promise<OlderVersion> {
  const ref = from ?? (await lastRelease());
  const commit = await git('rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`).catch(() => {
    throw new Error(
      `--from: git knows no tag or commit "${ref}" here; a shallow clone has few: git fetch --unshallow --tags`,
    );
  });
  const folder = join(CACHE, commit);
  if (!existsSync(join(folder, BUILT))) await build(commit, folder, options);
  const { version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as { readonly version: string };
  const short = commit.slice(0, 8);
  return {
    name: ref.startsWith(short) || commit.startsWith(ref) ? `${version} (${short})` : `${version} (${ref}, ${short})`,
    program: (workspace) => join(folder, workspace, 'dist', 'main.js'),
    refuses: (pipeline) => refusal(folder, pipeline),
  };
}

/** The tag of the last release. On the commit of a release, it is the one before: a version is not upgraded from itself. */
async function lastRelease(): Promise<string> {
  return await git('describe', '--tags', '--abbrev=0', '--match', TAG, 'HEAD~1').catch(() => {
    const remedy =
      'name a commit (npm run chaos -- --upgrade --from COMMIT), or fetch the tags (git fetch --tags); docs/releases.md says how one is made';
    throw new Error(`--upgrade: no commit before this one has the tag of a release (v1.2.3): ${remedy}`);
  });
}

const run = promisify(execFile);

async function git(...args: readonly string[]): Promise<string> {
  const { stdout } = await run('git', ['-C', import.meta.dirname, ...args]);
  return stdout.trim();
}

async function build(commit: string, folder: string, { say, signal }: BuildOptions): Promise<void> {
  await mkdir(CACHE, { recursive: true });
  // What is built half never has the folder's name.
  const own = await mkdtemp(`${folder}-`);
  try {
    say(`building ${commit.slice(0, 8)} once, in ${folder}`);
    const tar = join(own, 'files.tar');
    const root = await git('rev-parse', '--show-toplevel');
    const step = (program: string, ...args: readonly string[]) => runStep(program, args, own, signal);
    await step('git', '-C', root, 'archive', `--output=${tar}`, commit);
    await step('tar', '-xf', tar);
    await rm(tar);
    await step('npm', 'ci', '--prefer-offline', '--no-audit', '--no-fund');
    await step('npx', 'tsc', '-b', 'producer', 'consumer');
    await writeFile(join(own, BUILT), '');
    // Another run may have built it meanwhile, and runs it.
    await rename(own, folder).catch((error: unknown) => {
      if (!existsSync(join(folder, BUILT))) throw error;
    });
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}

/** The last lines of what a program wrote that has failed. */
const LINES = 20;

async function runStep(program: string, args: readonly string[], cwd: string, signal: AbortSignal): Promise<void> {
  try {
    await run(program, args, { cwd, signal, maxBuffer: 64 * 1024 ** 2 });
  } catch (error) {
    signal.throwIfAborted();
    const { stdout = '', stderr = '' } = error as { readonly stdout?: string; readonly stderr?: string };
    const said = `${stdout}\n${stderr}`.trim().split('\n').slice(-LINES).join('\n');
    throw new Error(`the version cannot be built: ${program} ${args.join(' ')} failed: ${said}`, { cause: error });
  }
}

const LOAD = 'const { loadPipeline } = await import(process.argv[1]); loadPipeline(process.argv[2], {});';

async function refusal(folder: string, pipeline: string): Promise<string | undefined> {
  const library = join(folder, 'shared', 'dist', 'index.js');
  try {
    await run(process.execPath, ['--input-type=module', '--eval', LOAD, library, pipeline]);
    return undefined;
  } catch (error) {
    const { stderr = '' } = error as { readonly stderr?: string };
    return /^\S*Error: (.*)/m.exec(stderr)?.[1] ?? stderr;
  }
}
