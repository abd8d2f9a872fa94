import { parseArgs } from 'node:util';
import { usageError } from '@tributary/shared';
import type { Figure } from './figure.js';

/** What `npm run bench -- ...` was asked to do. */
export interface Arguments {
  readonly figures: readonly Figure[];
  readonly quick: boolean;
  /** Where the results go as JSON; undefined for nowhere. */
  readonly json: string | undefined;
  /** Earlier results, that these must not fall far behind. */
  readonly against: string | undefined;
  readonly profiles: string | undefined;
  readonly help: boolean;
}

export const usage = (figures: readonly Figure[]): string => `npm run bench -- [options] [NAME...]

  NAME            measure these figures alone; "drain" stands for all that begin so
  --quick         fewer records and rounds: three minutes, and rougher
  --json FILE     write the results there as one JSON object
  --against FILE  exit 1 if a ratio is below half of what this FILE of --json has, also when it is measured once more
  --cpu-prof DIR  each producer and consumer leaves a CPU profile there, for Chrome's or VS Code's viewer
  --help          this text

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
  const isMeant = (asked: string, name: string) => name === asked || name.startsWith(`${asked}.`);
  const unknown = names.find((asked) => !all.some(({ name }) => isMeant(asked, name)));
  if (unknown !== undefined) throw new Error(`there is no figure "${unknown}"`);
  return names.length === 0 ? all : all.filter(({ name }) => names.some((asked) => isMeant(asked, name)));
}
