import { count } from '@tributary/shared';
import type { Context } from '../shell/context.js';

/** What a person is told when the file is written. */
export interface Outcome {
  readonly file: string;
  readonly text: string;
  readonly wasThere: boolean;
  readonly endpoints: readonly string[];
  readonly asked: number;
  /** By endpoint. */
  readonly rows: ReadonlyMap<
    string,
    { readonly table: string; readonly bad: number; readonly reason: string | undefined }
  >;
  readonly secrets: { readonly file: string; readonly names: readonly string[] } | undefined;
  /** Variables that have to be set. */
  readonly wanted: readonly string[];
  /** Variables that are set already. */
  readonly taken: readonly string[];
  readonly notes: readonly string[];
}

/** What a person should know of the variables that the file needs. */
export const aboutVariables = ({ wanted, taken }: Pick<Outcome, 'wanted' | 'taken'>): readonly string[] => [
  ...(wanted.length > 0 ? [`Set in the environment: ${wanted.join(', ')}.`] : []),
  // Their names come from the description: whoever wrote it may have chosen one that holds a secret of another server.
  ...(taken.length > 0
    ? [
        `Taken from your environment, and sent to the server that the file names: ${taken.join(', ')}. May it have them?`,
      ]
    : []),
];

/** The rows as a table, what wants a look, and the one line to run. */
export function tellOutcome({ terminal, spell }: Context, outcome: Outcome): void {
  const { file, text, wasThere, endpoints, asked, rows, secrets, wanted, taken, notes } = outcome;
  const say = (line: string) => terminal.write(`${line}\n`);
  const after = asked === 0 ? '' : `, after ${count(asked, 'request')}`;
  say(
    `${file} is ${wasThere ? 'extended' : 'written'}, and valid: ${count(endpoints.length, 'endpoint')} (${endpoints.join(', ')})${after}.`,
  );
  if (secrets !== undefined)
    say(`${secrets.file} has ${secrets.names.join(', ')}: only you may read it, and git leaves it alone.`);
  for (const [id, { table, bad, reason }] of rows) {
    say(`\n${id}:\n${table}`);
    if (bad > 0) say(`${count(bad, 'record')} would be a dead letter: ${reason}`);
  }
  const unsure = text.split('\n').filter((line) => line.includes('# unsure: ')).length;
  if (unsure > 0 || notes.length > 0) say('');
  for (const note of notes) say(`note: ${note}`);
  if (unsure > 0) say(`Look at the ${unsure === 1 ? 'line' : `${unsure} lines`} marked "# unsure:" in the file.`);
  for (const line of aboutVariables({ wanted, taken })) say(line);
  const config = file === 'pipeline.yaml' ? '' : ` --config ${file}`;
  const [first = ''] = endpoints;
  const load =
    secrets === undefined
      ? ''
      : `set -a; . ${secrets.file.includes('/') ? secrets.file : `./${secrets.file}`}; set +a; `;
  if (rows.size === 0) say(`\nTry it: ${load}${spell('try', `${first}${config}`)}`);
  say(`\nRun it: ${load}${spell('start', `--once${config}`)}`);
}
