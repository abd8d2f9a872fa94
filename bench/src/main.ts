import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describeError, ReleaseList } from '@tributary/shared';
import { readArguments, usage } from './arguments.js';
import { FIGURES } from './figures.js';
import { describeMachine, loadNow } from './machine.js';
import { toJson, toTable } from './report.js';
import { measureAll } from './run.js';
import { Servers } from './servers.js';
import { startReaper } from './services.js';

// `npm run bench`: results on stdout, progress on stderr; exit 1 if a figure could not be measured as it should.
try {
  const { help, ...asked } = readArguments(process.argv.slice(2), FIGURES);
  if (help) process.stdout.write(usage(FIGURES));
  else await bench(asked);
} catch (error) {
  process.stderr.write(`${describeError(error)}\n`);
  process.exitCode = 1;
}

async function bench({ figures, quick, json, profiles }: Omit<ReturnType<typeof readArguments>, 'help'>) {
  const before = { measuredAt: new Date().toISOString(), loadBefore: loadNow() };
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  const release = new ReleaseList();
  const folder = mkdtempSync(join(tmpdir(), 'tributary-bench-'));
  const reaper = startReaper(folder);
  release.add('the folder', () => reaper.release());
  if (profiles !== undefined) mkdirSync(profiles, { recursive: true });
  try {
    const servers = new Servers(release, say);
    const options = { quick, servers, folder, say, release, environment: ownEnvironment(), signal: untilInterrupted() };
    const results = await measureAll({ ...options, profiles: profiles && resolve(profiles) }, figures);
    say(`everything measured in ${Math.round(performance.now() / 1_000)} s`);
    const machine = await describeMachine(servers, folder, before);
    process.stdout.write(`\n${toTable(machine, quick, results)}`);
    if (json !== undefined) writeFileSync(json, `${JSON.stringify(toJson(machine, quick, results), undefined, 2)}\n`);
    if ([...results.values()].some(({ kind }) => kind === 'failed')) process.exitCode = 1;
  } finally {
    await release.release();
  }
}

/** What a developer has set for Tributary must not change what is measured. */
function ownEnvironment(): Record<string, string> {
  const { PATH = '', HOME = '', TMPDIR } = process.env;
  return { PATH, HOME, ...(TMPDIR === undefined ? {} : { TMPDIR }) };
}

function untilInterrupted(): AbortSignal {
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => interrupted.abort(new Error(`${signal}: broken off and cleared away`)));
  }
  return interrupted.signal;
}
