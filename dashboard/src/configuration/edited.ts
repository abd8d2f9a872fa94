import { ConfigError, describeError, type PipelineConfig, parsePipeline } from '@tributary/shared';

/** A pipeline file as a person has edited it, or as it lies there; see configuration.ts. */
export interface Edited {
  readonly text: string;
  readonly file: string;
  readonly standIns: Readonly<Record<string, string>>;
  readonly standIn: string;
}

/** What its variables are filled in with, and the names of those that nothing is known of. */
export function filledIn({ text, standIns, standIn }: Edited) {
  const named = [...text.matchAll(/\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g)].map(([, name = '']) => name);
  const fresh = [...new Set(named)].filter((name) => !Object.hasOwn(standIns, name));
  return { fresh, env: { ...Object.fromEntries(fresh.map((name) => [name, standIn])), ...standIns } };
}

/** What is in a secret's file is nobody's business here. @throws ConfigError */
export const readEdited = (edited: Edited): PipelineConfig =>
  parsePipeline(edited.text, filledIn(edited).env, edited.file, { readSecret: () => edited.standIn, isMasked: true });

export interface ShownFault {
  readonly path: string;
  readonly message: string;
}

/** What is wrong with a file, and how much in all. */
export function faultsOf(error: unknown): { readonly all: number; readonly faults: readonly ShownFault[] } {
  const faults = error instanceof ConfigError ? error.faults : [{ path: '', message: describeError(error) }];
  const shown = faults
    .slice(0, 200)
    .map(({ path, message }) => ({ path: path.slice(0, 500), message: message.slice(0, 2_000) }));
  return { all: faults.length, faults: shown };
}
