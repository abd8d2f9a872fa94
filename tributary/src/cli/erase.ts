import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import type { Erasure } from '@tributary/consumer';
import type { ErasedLetters } from '@tributary/dashboard';
import { count, FatalError, type PipelineConfig, sinkWords, systemClock } from '@tributary/shared';
import { reachingLetters } from './dead-letters.js';
import { PROTECT_VARIABLES, protectOption, type RecordName, recordNamed } from './privacy/record-name.js';
import { atShell } from './shell/at-shell.js';
import { audited } from './shell/audited.js';
import { configOption, createCommand, outputOption, withEnvironment, withExamples } from './shell/command.js';
import type { Context } from './shell/context.js';
import { readPipelineFile } from './shell/pipeline-file.js';
import { withProgress } from './shell/terminal.js';

const VARIABLES = ['PIPELINE', 'POSTGRES_URL', 'AMQP_URL', 'AUDIT_LOG', 'AUDIT_ACTOR', ...PROTECT_VARIABLES] as const;

/** Removes a record, and keeps it away. */
export function eraseCommand(context: Context): CommandUnknownOpts {
  const about =
    'Removes every row of a record, also older ones and those of merges, all groups of aggregates of these, and its dead letters, and keeps a keyed ' +
    'hash of its key, so that no later poll brings it back. Consumers may run: they begin anew, and rebuild the ledger without it. It may be ended at any moment and run once more. ' +
    'What was removed where, and what it does not reach, is written as JSON: the certificate.';
  const command = createCommand(context, 'erase', 'remove a record for good, and keep it away', about)
    .argument('<ENTITY>', 'as the pipeline file names it')
    .argument('<KEY>', 'as it stands in the column _key: of a protected key, its pseudonym (or --protect)')
    .requiredOption('--reason <TEXT>', 'why, for the audit log and the certificate')
    .option('--certificate <FILE>', 'where the certificate goes; stdout unless given')
    .addOption(protectOption())
    .addOption(outputOption())
    .addOption(configOption(context))
    .action(async (entity, key, { reason, certificate, protect, output, config: file }) => {
      if (reason.trim() === '') throw new FatalError('reason_missing', '--reason is empty: say why it is erased');
      if (certificate !== undefined && existsSync(certificate))
        throw new FatalError('certificate_exists', `${certificate} is there already: name another file`);
      if (certificate !== undefined && !existsSync(dirname(certificate)))
        throw new FatalError(
          'folder_missing',
          `there is no folder for ${certificate}: make it first; nothing was erased`,
        );
      const config = readPipelineFile(context, file, output);
      const of = await recordNamed(context, config, { entity, key }, protect === true);
      const erasing = erase(context, config, of, reason);
      const told = await withProgress(context.terminal, () => 'erasing', erasing);
      const text = `${JSON.stringify(told, undefined, 2)}\n`;
      if (certificate === undefined) context.terminal.write(text);
      else {
        await writeFile(certificate, text, { flag: 'wx', flush: true }).catch((cause: unknown) => {
          // It says how many rows there were: a second run finds none.
          context.terminal.write(text);
          throw new FatalError(
            'file_unwritable',
            `it is erased, and ${certificate} cannot be written: the certificate is above`,
            { cause },
          );
        });
      }
    });
  const examples = [
    ['customer C-000042 --reason "request 17" > certificate.json', 'all of a customer'],
    ['customer C-000042 --reason "request 17" --certificate c.json', 'the same, to a new file'],
    ['customer 42 --protect --reason "request 17"', 'whose key is protected, by the key of the source'],
  ] as const;
  return withEnvironment(withExamples(context, command, examples), VARIABLES);
}

async function erase(context: Context, config: PipelineConfig, of: RecordName, reason: string): Promise<unknown> {
  const { env } = context;
  const { eraseKey } = await import('@tributary/consumer');
  const { eraseLettersOfRecord, keptRuns } = await import('@tributary/dashboard');
  const signal = context.untilStopped();
  const { erasure, letters, exports } = await audited(context, config.name, {
    action: 'erase',
    detail: { entity: of.entity, reason },
    async work(act) {
      const postgresUrl = env.POSTGRES_URL;
      const onNoted = ({ hash }: Erasure) => act.note('noted', { erased: hash });
      const erasure = await eraseKey({ config, ...of, postgresUrl, clock: systemClock, signal, onNoted });
      const reaching = reachingLetters(context, config, signal);
      const eraseLetters = () => eraseLettersOfRecord(of, erasure.hash, reason, reaching);
      let letters: ErasedLetters | undefined;
      if (env.AMQP_URL) {
        const { done } = await eraseLetters();
        // A consumer may have read the list of erased keys right before, and put one there since.
        await systemClock.sleep(LETTERS_ON_THEIR_WAY, signal);
        const last = await eraseLetters();
        letters = { ...last, done: done + last.done };
      }
      return { erasure, letters, exports: await keptRuns(config, systemClock, signal) };
    },
    done({ erasure: { hash, removed }, letters }) {
      const rows = Object.values(removed).reduce((sum, n) => sum + n, 0);
      return { erased: hash, done: rows, deadLetters: letters?.done };
    },
    failed: 'the command was ended, or failed: run it once more',
  });
  const { entity, hash: key, askedAt, doneAt, removed, unread, rowsRead } = erasure;
  const verified = verifiedWords(rowsRead, Object.keys(removed).length > 0);
  return {
    certificate: 'erasure',
    version: 1,
    pipeline: config.name,
    output: sinkWords(config.sink).description,
    entity,
    key,
    askedAt,
    doneAt,
    by: atShell(env).name,
    reason,
    rows: removed,
    verified: Object.keys(unread).length === 0 ? verified : `${verified}; ${UNREAD}`,
    unread,
    deadLetters: letters?.done ?? 'not looked at: AMQP_URL is not set',
    ...(letters && { unreadDeadLetters: letters.unread, keptBodies: letters.bodies }),
    exports: exports.filter(({ asOf }) => asOf === undefined || asOf <= (doneAt ?? '')),
    left: LEFT,
  };
}

function verifiedWords(rowsRead: number, hasRemoved: boolean): string {
  if (rowsRead > 0)
    return `afterwards ${count(rowsRead, 'row')} of the datasets that may hold it were read, and none was of the key`;
  const none = 'afterwards the datasets that may hold it had no row at all';
  return hasRemoved ? none : `${none}: see that \`output\` is the right one`;
}

const UNREAD =
  'lines that are no rows, since another program has changed them, could not be judged (unread): look at them, and remove what is of the record';

/** Milliseconds: more than the age of a consumer's list of erased keys, and the time that a letter takes. */
const LETTERS_ON_THEIR_WAY = 3_000;

/** What is told in every certificate: it goes by itself, or has to be looked after by a person. */
const LEFT = [
  'Redis: the ledger and the sides of merges hold it until a consumer runs, which rebuilds them from the output',
  'queues: messages that wait there are dropped when they come to a consumer',
  'dashboards: they forget the rows when they look at the parts the next time; free space of their files is used again, not wiped',
  'exports: runs that are listed here were made before; remove them, or run the exports anew',
  'dead letters of which nobody can tell whose they are stay (unreadDeadLetters, by queue), and so do bodies that no letter names (keptBodies): look at them, and remove what is of the record',
  'aggregates: all rows of those that the record was part of are removed, and counted here; a consumer that runs calculates them anew from what is left',
  'rows of other records that name the key stay: see npx tributary subject',
  'not reached: the source, archives of files, logs, the audit log, backups, snapshots, replicas and the write-ahead log of Postgres, free space of disks',
];
