import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { FatalError, type PipelineConfig, stringifyJson, systemClock } from '@tributary/shared';
import { reachingLetters } from './dead-letters.js';
import { PROTECT_VARIABLES, protectOption, type RecordName, recordNamed } from './privacy/record-name.js';
import { audited } from './shell/audited.js';
import { configOption, createCommand, outputOption, withEnvironment, withExamples } from './shell/command.js';
import type { Context } from './shell/context.js';
import { readPipelineFile } from './shell/pipeline-file.js';
import { withProgress } from './shell/terminal.js';

const VARIABLES = ['PIPELINE', 'POSTGRES_URL', 'AMQP_URL', 'AUDIT_LOG', 'AUDIT_ACTOR', ...PROTECT_VARIABLES] as const;

/** Everything that is held about one record. */
export function subjectCommand(context: Context): CommandUnknownOpts {
  const about =
    'Collects what is held about one record, as JSON: its rows, older ones and those of merges too, other rows that name its key, its dead letters, ' +
    'and the runs of exports that may hold it. Who asked for it, and why, is written to the audit log first. All rows are read, so it takes as long as that.';
  const command = createCommand(context, 'subject', 'collect everything that is held about a record', about)
    .argument('<ENTITY>', 'as the pipeline file names it')
    .argument('<KEY>', 'as it stands in the column _key: of a protected key, its pseudonym (or --protect)')
    .requiredOption('--reason <TEXT>', 'why, for the audit log')
    .addOption(protectOption())
    .addOption(outputOption())
    .addOption(configOption(context))
    .action(async (entity, key, { reason, protect, output, config: file }) => {
      if (reason.trim() === '') throw new FatalError('reason_missing', '--reason is empty: say why it is collected');
      const config = readPipelineFile(context, file, output);
      const of = await recordNamed(context, config, { entity, key }, protect === true);
      const collecting = collect(context, config, of, reason);
      const found = await withProgress(context.terminal, () => 'reading all rows', collecting);
      context.terminal.write(`${stringifyJson(found) ?? ''}\n`);
    });
  const examples = [['customer C-000042 --reason "request 17" > subject.json', 'all that is held']] as const;
  return withEnvironment(withExamples(context, command, examples), VARIABLES);
}

async function collect(context: Context, config: PipelineConfig, of: RecordName, reason: string): Promise<unknown> {
  const { env } = context;
  const { collectHeld } = await import('@tributary/consumer');
  const { keptRuns, lettersOfRecord } = await import('@tributary/dashboard');
  const signal = context.untilStopped();
  return await audited(context, config.name, {
    action: 'subject',
    // Not the key: the log is kept when the record is erased. The reason says whose request it was.
    detail: { entity: of.entity, reason },
    async work() {
      const held = await collectHeld({ config, ...of, postgresUrl: env.POSTGRES_URL, clock: systemClock });
      const reaching = reachingLetters(context, config, signal);
      const letters = env.AMQP_URL ? await lettersOfRecord(of, reaching) : undefined;
      const exports = await keptRuns(config, systemClock, signal);
      return {
        ...of,
        collectedAt: new Date(systemClock.now()).toISOString(),
        pipeline: config.name,
        ...held,
        deadLetters: letters?.letters ?? 'not looked at: AMQP_URL is not set',
        ...(letters && { unreadDeadLetters: letters.unread }),
        exports,
        notLookedAt: NOT_LOOKED_AT,
      };
    },
    done: ({ rows }) => ({ done: rows.length }),
  });
}

const NOT_LOOKED_AT = [
  'messages that wait in queues, and the copies of events of webhooks in Redis until they are settled',
  'the ledger and the sides of merges in Redis: they hold what the rows hold',
  'log files, the audit log, archives of files, backups, and the source itself',
];
