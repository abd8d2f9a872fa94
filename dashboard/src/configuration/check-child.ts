/**
 * The process in which an edited pipeline file is checked; see check.ts, which starts it. It has no environment, reads no file that the text
 * names, and never outlives its parent for long.
 */
import { adviceOn, ConfigError, count, describeError, masksIn, parsePipeline } from '@tributary/shared';

export interface CheckTask {
  readonly text: string;
  readonly file: string;
  readonly standIns: Readonly<Record<string, string>>;
  readonly standIn: string;
}

export interface Checked {
  readonly valid: boolean;
  readonly words: string;
  readonly faults: readonly { readonly path: string; readonly message: string }[];
  readonly notes: readonly string[];
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
process.on('disconnect', () => process.exit(0));

process.on('message', (task: CheckTask) => {
  process.send?.(check(task));
});

function check({ text, file, standIns, standIn }: CheckTask): Checked {
  const named = [...text.matchAll(/\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g)].map(([, name = '']) => name);
  const fresh = [...new Set(named)].filter((name) => !Object.hasOwn(standIns, name));
  const env = { ...Object.fromEntries(fresh.map((name) => [name, standIn])), ...standIns };
  const notes = fresh.map((name) => `${name} is not filled in here: set it for producer, consumer and dashboard`);
  if (masksIn(text.replaceAll(/^\s*#.*$/gm, '')).length > 0)
    notes.push('stars stand in the place of secrets here: put those back before you use it, or the file is refused');
  try {
    // What is in a secret's file is nobody's business here.
    const pipeline = parsePipeline(text, env, file, { readSecret: () => standIn, isMasked: true });
    const { endpoints, entities, sink } = pipeline;
    const found = [count(Object.keys(endpoints).length, 'endpoint'), `entities: ${Object.keys(entities).join(', ')}`];
    const words = `it is valid: ${found.join(', ')}; sink: ${sink.type}`;
    return {
      valid: true,
      words: words.slice(0, 2_000),
      faults: [],
      notes: [...notes, ...adviceOn(pipeline, env)].slice(0, 100),
    };
  } catch (error) {
    const faults = error instanceof ConfigError ? error.faults : [{ path: '', message: describeError(error) }];
    const shown = faults
      .slice(0, 200)
      .map(({ path, message }) => ({ path: path.slice(0, 500), message: message.slice(0, 2_000) }));
    return { valid: false, words: `it has ${count(faults.length, 'fault')}`, faults: shown, notes };
  }
}
