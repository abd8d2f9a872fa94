import { parseArgs } from 'node:util';
import { usageError } from '@tributary/shared';
import type { Figure } from './figure.js';

/** The arguments of `npm run bench -- ...`. */
export interface Arguments {
  readonly figures: readonly Figure[];
  readonly quick: boolean;
  /** The file for the results as JSON. */
  readonly json: string | undefined;
  /** The file with earlier results to compare with. */
  readonly against: string | undefined;
  /** The folder for CPU profiles. */
  readonly profiles: string | undefined;
  readonly help: boolean;
}

export const usage = (figures: readonly Figure[]): string => `npm run bench -- [options] [NAME...]

  NAME            measure only these figures; "drain" means all whose name begins with "drain."
  --quick         fewer records and rounds: takes three minutes, less exact
  --json FILE     write the results to FILE as one JSON object
  --against FILE  compare with FILE from an earlier --json: exit 1 if a ratio is below 0.7 of the earlier one three times, or memory above 1.3 times
  --cpu-prof DIR  write a CPU profile of each producer and consumer to DIR, for Chrome or VS Code
  --help          show this text

Figures:
${figures.map(({ name, sentence }) => `  ${name.padEnd(16)}  ${sentence}`).join('\n')}
`;

/** @throws FatalError for an option or a figure that does not exist */
export function readArguments(args: readonly string[], all: readonly Figure[]): Arguments {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        quick: { type: 'boolean', default: false },
        json: { type: 'string' },
        against: { type: 'string' },
        'cpu-prof': { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    });
    const { quick, json, against, help, 'cpu-prof': profiles } = values;
    return { figures: choose(positionals, all), quick, json, against, profiles, help };
  } catch (cause) {
    throw usageError(cause, usage(all));
  }
}

function choose(names: readonly string[], all: readonly Figure[]): readonly Figure[] {
  const matches = (asked: string, name: string) => name === asked || name.startsWith(`${asked}.`);
  const unknown = names.find((asked) => !all.some(({ name }) => matches(asked, name)));
  if (unknown !== undefined) throw new Error(`there is no figure "${unknown}"`);
  return names.length === 0 ? all : all.filter(({ name }) => names.some((asked) => matches(asked, name)));
}
