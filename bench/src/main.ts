import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describeError, ReleaseList } from '@tributary/shared';
import { startReaper } from '@tributary/test/services';
import { floorOf, readRecorded, TRIES, worseFigures } from './against.js';
import { readArguments, usage } from './arguments.js';
import type { Bench } from './bench.js';
import { FIGURES } from './figures.js';
import { cpuModel, describeMachine, loadNow } from './machine.js';
import { toJson, toTable } from './report.js';
import { measureAll, type Results } from './run.js';
import { Servers } from './servers.js';

// `npm run bench`: results go to stdout, progress to stderr. The exit code is 1 if a figure failed or is worse than its record.
const interrupted = untilInterrupted();
try {
  const { help, ...asked } = readArguments(process.argv.slice(2), FIGURES);
  if (help) process.stdout.write(usage(FIGURES));
  else await bench(asked);
} catch (error) {
  process.stderr.write(`${describeError(error)}\n`);
  process.exitCode = 1;
  // A figure that was interrupted is not waited for: it may begin something yet, and keep this process.
  if (interrupted.aborted) process.exit();
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
      signal: interrupted,
      profiles: profiles && resolve(profiles),
    };
    const first = await measureAll(tools, figures);
    const results = against === undefined ? first : await compare(tools, first, against);
    say(`everything measured in ${Math.round(performance.now() / 1_000)} s`);
    const machine = await describeMachine(servers, folder, before);
    process.stdout.write(`\n${toTable(machine, quick, results)}`);
    if (json !== undefined) writeFileSync(json, `${JSON.stringify(toJson(machine, quick, results), undefined, 2)}\n`);
    if ([...results.values()].some(({ kind }) => kind === 'failed')) process.exitCode = 1;
  } finally {
    await release.release();
  }
}

/**
 * Compares with a record. A figure that failed, or seems to be worse, is measured again: the machine may have been busy for a moment.
 * @returns the results, with those of the last try of each figure
 */
async function compare(bench: Bench, first: Results, file: string): Promise<Results> {
  const recorded = readRecorded(file);
  const floor = floorOf(recorded, { cpu: cpuModel(), cores: availableParallelism() });
  bench.say(`${file}: ${floor.words}`);
  const tries = [first];
  const results = new Map(first);
  for (; tries.length < TRIES; ) {
    const worse = worseFigures(tries, recorded, floor);
    const failed = [...results].flatMap(([figure, { kind }]) => (kind === 'failed' ? [figure] : []));
    if (worse.length + failed.length === 0) break;
    for (const { words } of worse) bench.say(`${words}; measuring it again`);
    const again = await measureAll(bench, [...new Set([...worse.map(({ figure }) => figure), ...failed])]);
    for (const [figure, outcome] of again) results.set(figure, outcome);
    tries.push(again);
  }
  for (const { words, isSure } of worseFigures(tries, recorded, floor)) {
    if (isSure) process.exitCode = 1;
    bench.say(`${isSure ? 'WORSE' : 'not known, for other programs took the machine:'} ${words}`);
  }
  return results;
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
