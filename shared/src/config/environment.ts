import { isMapping } from '../records/own-value.js';

/**
 * What a pipeline file that is silent asks the environment for. The file has the last word: a setting that it names, with
 * or without a variable, is not touched.
 */
const ASKED: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  batch: { size: 'BATCH_SIZE', interval: 'BATCH_INTERVAL' },
  sink: { type: 'SINK' },
  'sink.csv': { directory: 'OUTPUT_DIR' },
};

/** Adds `${NAME}` for each setting above that is not in the parsed document and has a variable that is set. */
export function askEnvironment(document: unknown, env: Record<string, string | undefined>): unknown {
  if (!isMapping(document)) return document;
  const asked = structuredClone(document);
  for (const [path, settings] of Object.entries(ASKED)) {
    for (const [setting, name] of Object.entries(settings)) {
      const value = env[name];
      if (value === undefined || value === '') continue;
      let section: Record<string, unknown> = asked;
      for (const step of path.split('.')) {
        section[step] ??= {};
        const next = section[step];
        // Something else stands where a section belongs: that is a fault of its own.
        if (!isMapping(next)) return asked;
        section = next;
      }
      section[setting] ??= `\${${name}}`;
    }
  }
  return asked;
}
