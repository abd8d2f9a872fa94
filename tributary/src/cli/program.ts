import { CommanderError, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { describeError } from '@tributary/shared';
import { auditLogCommand } from './audit-log.js';
import { backupCommand } from './backup.js';
import { checkCommand } from './check.js';
import { deadLettersCommand } from './dead-letters.js';
import { discoverCommand } from './discover.js';
import { endpointsCommand, resetCommand } from './endpoints.js';
import { eraseCommand } from './erase.js';
import { exportCommand } from './export.js';
import { generateEndpointsCommand } from './generate-endpoints.js';
import { initCommand } from './init.js';
import { listCommand } from './list.js';
import { privacyCommand } from './privacy.js';
import { restoreCommand } from './restore.js';
import { revealCommand } from './reveal.js';
import { sendCommand } from './send.js';
import { serviceCommands } from './services.js';
import { createGroup } from './shell/command.js';
import { CommandFailed, type Context, EXIT } from './shell/context.js';
import { adviceForNpm, swallowedByNpm } from './shell/npm-options.js';
import { adviceIfMissing } from './shell/pipeline-file.js';
import { startCommand } from './start.js';
import { subjectCommand } from './subject.js';
import { tryCommand } from './try.js';

const ABOUT =
  'Polls REST APIs on a schedule, carries every record through RabbitMQ, and lands it exactly once in CSV files or Postgres.';

const AFTER = `
COMMAND --help tells more of each, with examples.

Exit codes:
  0  done, or stopped in good order: by Ctrl-C, or because the reader of the output has gone
  1  failed: stderr says what, and what to do; start --once fails if one endpoint fails
  2  asked in a way that it does not understand: stderr says what is wrong, and how it is asked
  3  start --once: every record of an endpoint died; the summary says why`;

function createProgram(context: Context, version: string): CommandUnknownOpts {
  const commands = [
    startCommand(context),
    initCommand(context),
    checkCommand(context),
    discoverCommand(context),
    tryCommand(context),
    listCommand(context),
    endpointsCommand(context),
    resetCommand(context),
    sendCommand(context),
    exportCommand(context),
    deadLettersCommand(context),
    privacyCommand(context),
    revealCommand(context),
    auditLogCommand(context),
    subjectCommand(context),
    eraseCommand(context),
    backupCommand(context, version),
    restoreCommand(context),
    ...serviceCommands(context),
    generateEndpointsCommand(context),
  ];
  return createGroup(context, 'tributary', ABOUT, ABOUT, commands)
    .version(version, '--version', 'show the version')
    .addHelpText('after', AFTER);
}

/**
 * Does what a person asks for on the command line.
 * @param args without the program's own name
 * @returns the exit code
 */
export async function runCli(args: readonly string[], version: string, context: Context): Promise<number> {
  const { terminal } = context;
  const program = createProgram(context, version);
  const { command, path } = find(program, args);
  const swallowed = swallowedByNpm(command, args, context.env);
  if (swallowed !== undefined) {
    terminal.say(`${adviceForNpm(context, path, swallowed)}\n`);
    return EXIT.usage;
  }
  try {
    await program.parseAsync([...args], { from: 'user' });
    return EXIT.done;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    if (error instanceof CommandFailed) return error.exitCode;
    terminal.say(`${describeError(error)}\n${adviceIfMissing(context, error)}`);
    return EXIT.failed;
  }
}

/** The command that the first words name, as far as they name one. */
function find(program: CommandUnknownOpts, args: readonly string[]) {
  let command = program;
  const path: string[] = [];
  for (const word of args) {
    const next = command.commands.find((one) => one.name() === word);
    if (next === undefined) break;
    command = next;
    path.push(word);
  }
  return { command, path };
}
