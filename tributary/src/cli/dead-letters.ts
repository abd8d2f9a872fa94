import { type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import type { DeadLetterRequest, Reaching } from '@tributary/dashboard';
import { createLogger, describeError, type PipelineConfig } from '@tributary/shared';
import { atShell } from './shell/at-shell.js';
import {
  configOption,
  createCommand,
  createGroup,
  wholeNumber,
  withEnvironment,
  withExamples,
} from './shell/command.js';
import { type Context, EXIT } from './shell/context.js';
import { readPipelineFile } from './shell/pipeline-file.js';
import { withProgress } from './shell/terminal.js';

/** Which letters are meant, where no id is given. */
interface Criteria {
  readonly queue?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly code?: string | undefined;
  readonly field?: string | undefined;
  readonly search?: string | undefined;
}

const VARIABLES = ['AMQP_URL', 'AUDIT_LOG', 'AUDIT_ACTOR', 'PIPELINE'] as const;

/** What could not be written: looked at, mended, sent again, thrown away. */
export function deadLettersCommand(context: Context): CommandUnknownOpts {
  const about = 'Looks at the records that could not be written, sends them again, mended or not, or discards them.';
  const command = createGroup(context, 'dead-letters', 'look at, replay or discard what could not be written', about, [
    listCommand(context),
    showCommand(context),
    replayCommand(context),
    discardCommand(context),
  ]);
  const examples = [
    ['list --code invalid_field', 'what has this reason'],
    ['show ID', 'one of them, with its record'],
    ['replay ID --payload mended.json', 'send a mended record instead; - reads it from stdin'],
    ['discard --all --endpoint blog-posts --reason "test data"', 'throw away all of an endpoint'],
  ] as const;
  return withEnvironment(withExamples(context, command, examples), VARIABLES);
}

function listCommand(context: Context): CommandUnknownOpts {
  const command = withCriteria(createCommand(context, 'list', 'what could not be written, and why; the newest first'))
    .option('--limit <N>', 'how many are shown', wholeNumber, 50)
    .addOption(jsonOption())
    .addOption(configOption(context));
  command.action(({ limit, json, config, ...match }) =>
    act(context, command, config, { command: 'list', match, limit, json }),
  );
  return command;
}

function showCommand(context: Context): CommandUnknownOpts {
  const command = createCommand(context, 'show', 'one of them in full')
    .argument('<ID>', 'as list shows it')
    .addOption(jsonOption())
    .addOption(configOption(context));
  command.action((id, { json, config }) => act(context, command, config, { command: 'show', match: { id }, json }));
  return command;
}

function replayCommand(context: Context): CommandUnknownOpts {
  const command = withCriteria(createCommand(context, 'replay', 'send one, or all that match, into the pipeline again'))
    .argument('[ID]', 'as list shows it')
    .option('--all', 'all that match')
    .option('--payload <FILE>', 'with ID: the mended record to send instead; - reads stdin')
    .addOption(jsonOption())
    .addOption(configOption(context));
  command.action((id, { all, payload, json, config, ...criteria }) =>
    act(context, command, config, { command: 'replay', match: { ...criteria, id }, all, payload, json }),
  );
  return command;
}

function discardCommand(context: Context): CommandUnknownOpts {
  const about = 'remove one, or all that match; what they held stays in the audit log';
  const command = withCriteria(createCommand(context, 'discard', about))
    .argument('[ID]', 'as list shows it')
    .option('--all', 'all that match')
    .option('--reason <TEXT>', 'why, for the audit log')
    .option('--forget', 'keep nothing of what they held in the audit log, nor what was searched for')
    .addOption(jsonOption())
    .addOption(configOption(context));
  command.action((id, { all, reason, forget, json, config, ...criteria }) =>
    act(context, command, config, { command: 'discard', match: { ...criteria, id }, all, reason, forget, json }),
  );
  return command;
}

const withCriteria = (command: ReturnType<typeof createCommand>) =>
  command
    .option('--queue <NAME>', 'of this queue')
    .option('--endpoint <ID>', 'of this endpoint')
    .option('--code <CODE>', 'for this reason')
    .option('--field <NAME>', 'with this field at fault')
    .option('--search <WORDS>', 'that hold these words');

const jsonOption = () => new Option('--json', 'print JSON, for programs');

/** As the options give it: what was not asked for is not there. */
interface Asked {
  readonly command: DeadLetterRequest['command'];
  readonly match: Criteria & { readonly id?: string | undefined };
  readonly limit?: number | undefined;
  readonly all?: true | undefined;
  readonly reason?: string | undefined;
  readonly payload?: string | undefined;
  readonly forget?: true | undefined;
  readonly json?: true | undefined;
}

async function act(context: Context, command: CommandUnknownOpts, file: string, asked: Asked): Promise<void> {
  const { checkDeadLetterRequest, runDeadLetterCommand } = await import('@tributary/dashboard');
  const { terminal } = context;
  const { limit = 50, all = false, reason = '', json = false, payload, forget } = asked;
  const request = { command: asked.command, match: asked.match, limit, all, reason, payload, forget, json };
  try {
    checkDeadLetterRequest(request);
  } catch (error) {
    command.error(`error: ${describeError(error)}`, { exitCode: EXIT.usage });
  }
  const acting = runDeadLetterCommand(request, {
    ...reachingLetters(context, readPipelineFile(context, file), context.untilStopped()),
    write: (text) => terminal.write(text),
  });
  await withProgress(terminal, () => 'going through the dead letters', acting);
}

/** What it takes to reach the dead letters. */
export const reachingLetters = ({ env, terminal }: Context, config: PipelineConfig, signal: AbortSignal): Reaching => ({
  config,
  amqpUrl: env.AMQP_URL,
  postgresUrl: env.POSTGRES_URL,
  auditLog: env.AUDIT_LOG,
  actor: atShell(env),
  log: createLogger(
    { service: 'dead-letters', instance: 'shell', level: env.LOG_LEVEL, usual: 'error' },
    { write: (line) => terminal.say(line) },
  ),
  signal,
});
