import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describeError, ReleaseList } from '@tributary/shared';
import { startReaper } from '@tributary/test/services';
import { describeFallen, fallenFigures, readRecorded } from './against.js';
import { readArguments, usage } from './arguments.js';
import type { Bench } from './bench.js';
import { FIGURES } from './figures.js';
import { describeMachine, loadNow } from './machine.js';
import { toJson, toTable } from './report.js';
import { measureAll, type Results } from './run.js';
import { Servers } from './servers.js';

// `npm run bench`: results go to stdout, progress to stderr. The exit code is 1 if a figure failed or has fallen.
try {
  const { help, ...asked } = readArguments(process.argv.slice(2), FIGURES);
  if (help) process.stdout.write(usage(FIGURES));
  else await bench(asked);
} catch (error) {
  process.stderr.write(`${describeError(error)}\n`);
  process.exitCode = 1;
}

async function bench({ figures, quick, json, against, profiles }: Omit<ReturnType<typeof readArguments>, 'help'>) {
  const before = { measuredAt: new Date().toISOString(), loadBefore: loadNow() };
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  const release = new ReleaseList();
  const folder = mkdtempSync(join(tmpdir(), 'tributary-bench-'));
  const reaper = startReaper(folder);
  release.add('the folder', () => reaper.release());
  if (profiles !== undefined) mkdirSync(profiles, { recursive: true });
  try {
    const servers = new Servers(release, say);
    const tools: Bench = {
      quick,
      servers,
      folder,
      say,
      release,
      environment: ownEnvironment(),
      signal: untilInterrupted(),
      profiles: profiles && resolve(profiles),
    };
    const results = await measureAll(tools, figures);
    if (against !== undefined) await compare(tools, results, against);
    say(`everything measured in ${Math.round(performance.now() / 1_000)} s`);
    const machine = await describeMachine(servers, folder, before);
    process.stdout.write(`\n${toTable(machine, quick, results)}`);
    if (json !== undefined) writeFileSync(json, `${JSON.stringify(toJson(machine, quick, results), undefined, 2)}\n`);
    if ([...results.values()].some(({ kind }) => kind === 'failed')) process.exitCode = 1;
  } finally {
    await release.release();
  }
}

/** A figure that seems to have fallen is measured once more, because the machine may have been busy for a moment. */
async function compare(bench: Bench, results: Results, file: string): Promise<void> {
  const recorded = readRecorded(file);
  const suspects = fallenFigures(results, recorded);
  if (suspects.length === 0) return;
  for (const one of suspects) bench.say(`${describeFallen(one)}; measuring it once more`);
  const again = await measureAll(
    bench,
    suspects.map(({ figure }) => figure),
  );
  const fallen = fallenFigures(again, recorded);
  for (const one of fallen) bench.say(`FALLEN ${describeFallen(one)}`);
  if (fallen.length > 0) process.exitCode = 1;
}

/** Leaves out the variables that a developer has set for Tributary, because they would change what is measured. */
function ownEnvironment(): Record<string, string> {
  const { PATH = '', HOME = '', TMPDIR } = process.env;
  return { PATH, HOME, ...(TMPDIR === undefined ? {} : { TMPDIR }) };
}

function untilInterrupted(): AbortSignal {
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () =>
      interrupted.abort(new Error(`${signal}: the bench was stopped, and its servers and files are removed`)),
    );
  }
  return interrupted.signal;
}
