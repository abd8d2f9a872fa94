import { Command, type CommandUnknownOpts, InvalidArgumentError, Option } from '@commander-js/extra-typings';
import { ENVIRONMENT, type Reader, type Variable, type VariableName } from '@tributary/shared';
import type { Context } from './context.js';

/** An example of a command's help: what follows the command, and what that does. */
export type Example = readonly [words: string, what: string];

/** Characters in a line of help where the screen does not tell how many it has. */
const HELP_WIDTH = 80;

/** Commander writes `<FILE>`; a manual page writes FILE. */
const plain = (term: string): string => term.replaceAll(/[<>]/g, '');

/** The command's own name with those of the commands that it belongs to, without the program's. */
function pathOf(command: CommandUnknownOpts): string[] {
  const path: string[] = [];
  for (let one: CommandUnknownOpts | null = command; one?.parent; one = one.parent) path.unshift(one.name());
  return path;
}

/** A command that throws instead of ending the process, and writes to the context's terminal alone. */
export function createCommand({ terminal, spell }: Context, name: string, summary: string, about = summary): Command {
  return new Command(name)
    .summary(summary)
    .description(about)
    .helpOption('-h, --help', 'show this text')
    .helpCommand(false)
    .exitOverride()
    .showHelpAfterError()
    .allowExcessArguments()
    .hook('preAction', refuseExcess)
    .configureOutput({ writeOut: (text) => terminal.write(text), writeErr: (text) => terminal.say(text) })
    .configureHelp({
      commandUsage: (command) => {
        const [first, ...rest] = pathOf(command);
        const usage = plain(command.usage());
        return first === undefined ? `${command.name()} ${usage}` : spell(first, [...rest, usage].join(' '));
      },
      optionTerm: ({ flags }) => plain(flags),
      subcommandTerm: (command) => plain(`${command.name()} ${argumentsOf(command)}`).trim(),
    });
}

/** Commander would say how many words there are, and not which is too much. */
function refuseExcess(command: CommandUnknownOpts, action: CommandUnknownOpts): void {
  const excess = action.args.slice(action.registeredArguments.length);
  if (command !== action || excess.length === 0 || action.registeredArguments.at(-1)?.variadic) return;
  action.error(
    `error: ${excess.join(' ')} is too much; ${action.name()} takes ${argumentsOf(action) || 'options alone'}`,
  );
}

const argumentsOf = (command: CommandUnknownOpts): string =>
  command.registeredArguments.map((one) => (one.required || one.variadic ? one.name() : `[${one.name()}]`)).join(' ');

/** A command that does nothing by itself, with the commands that belong to it. */
export function createGroup(
  context: Context,
  name: string,
  summary: string,
  about: string,
  commands: readonly CommandUnknownOpts[],
): Command {
  const group = createCommand(context, name, summary, about);
  for (const command of commands) group.addCommand(command);
  const known = commands.map((command) => command.name()).join(', ');
  group
    .usage('COMMAND [options]')
    .argument('[COMMAND...]')
    // Called if the first word is none of them.
    .action(([word]) =>
      group.error(`error: expected one of ${known}, found ${word === undefined ? 'nothing' : `"${word}"`}`),
    );
  return group;
}

/** Adds examples, as they are written here, to the help. */
export function withExamples<T extends CommandUnknownOpts>(
  { spell }: Context,
  command: T,
  examples: readonly Example[],
): T {
  command.addHelpText('after', () => {
    const [first = '', ...rest] = pathOf(command);
    const written = examples.map(([words, what]) => [spell(first, [...rest, words].join(' ').trim()), what] as const);
    const width = Math.max(...written.map(([text]) => text.length));
    const lines = written.map(([text, what]) => `  ${text.padEnd(width)}  ${what}`);
    return `\nExamples:\n${lines.join('\n')}`;
  });
  return command;
}

/** Adds a section with environment variables, in the words of their one table, to the help. */
export function withEnvironment<T extends CommandUnknownOpts>(command: T, names: readonly VariableName[]): T {
  command.addHelpText('after', () => {
    const help = command.createHelp();
    help.prepareContext({ helpWidth: process.stdout.columns || HELP_WIDTH });
    const width = Math.max(...names.map((name) => name.length));
    const items = names.map((name) => help.formatItem(name, width, describeVariable(ENVIRONMENT[name]), help));
    return `\nEnvironment:\n${items.join('\n')}`;
  });
  return command;
}

function describeVariable({ words, usual, usually }: Variable): string {
  const without = usually ?? usual;
  return `${words}${without === undefined ? '' : ` (default: ${without})`}`.replaceAll('`', '');
}

/** The variables that one of the readers reads, in the order of the table. */
export const variablesOf = (reader: Reader): VariableName[] =>
  (Object.keys(ENVIRONMENT) as VariableName[]).filter((name) => {
    const { readers }: Variable = ENVIRONMENT[name];
    return readers.includes(reader);
  });

/** What commands read that ask a producer that runs. */
export const PRODUCER_VARIABLES = ['ADMIN_TOKEN', 'READ_TOKEN', 'PRODUCER_URL'] as const satisfies VariableName[];

/** `--config FILE`, which every command that reads a pipeline file takes. */
export const configOption = ({ env }: Context) =>
  new Option('--config <FILE>', 'the pipeline file; PIPELINE names it too').default(env.PIPELINE || 'pipeline.yaml');

/** `--output DIR`, which commands take that look at the output: the file does not know where `start --output` has put it. */
export const outputOption = () =>
  new Option(
    '--output <DIR>',
    'where the CSV files are, as with start --output; otherwise where the pipeline file says',
  );

/** For a number of things that must be there. @throws InvalidArgumentError, which commander tells with the option's name */
export function wholeNumber(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1) return number;
  throw new InvalidArgumentError('Expected a whole number, 1 or more.');
}
