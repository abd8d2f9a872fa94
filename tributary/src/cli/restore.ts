import { join, resolve } from 'node:path';
import { type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import { BackupFiles, FatalError, ReleaseList, systemClock, variable } from '@tributary/shared';
import { BACKUP_VARIABLES } from './backup.js';
import { reachingLetters } from './dead-letters.js';
import { audited } from './shell/audited.js';
import { createCommand, outputOption, withEnvironment, withExamples } from './shell/command.js';
import type { Context } from './shell/context.js';
import { readPipelineFile } from './shell/pipeline-file.js';
import { withProgress } from './shell/terminal.js';

/** Puts a backup back. */
export function restoreCommand(context: Context): CommandUnknownOpts {
  const about =
    'Puts a backup back into an empty stack: RabbitMQ, Redis and the output hold nothing of the pipeline, and its services do not run. All files are compared with ' +
    'their hashes first. It may be ended at any moment, and run once more with the same folder; services that start meanwhile wait. ' +
    'Afterwards the services poll what the backup lacks, and drop what it has.';
  const command = createCommand(context, 'restore', 'put a backup back into an empty stack', about)
    .argument('<DIR>', 'what backup made')
    .option('--replace', 'put the output that is there out of the way, and forget what Redis holds of the pipeline')
    .addOption(
      new Option('--config <FILE>', 'the pipeline file; the one in the backup unless given').default(
        context.env.PIPELINE || undefined,
      ),
    )
    .addOption(outputOption())
    .action(async (folder, { replace, output, config: file }) => {
      await restore(context, { folder, replaces: replace === true, file, output });
    });
  const examples = [
    ['/backup/2026-11-29', 'into an empty stack'],
    ['/backup/2026-11-29 --replace', 'over what is there, which is put aside'],
  ] as const;
  return withEnvironment(withExamples(context, command, examples), BACKUP_VARIABLES);
}

interface Request {
  readonly folder: string;
  readonly replaces: boolean;
  readonly file: string | undefined;
  readonly output: string | undefined;
}

async function restore(context: Context, { folder, replaces, file, output }: Request): Promise<void> {
  const { env, terminal } = context;
  const { outputCopies } = await import('@tributary/consumer');
  const { fateOfAuditLog, putAuditLog, putBesideLog } = await import('../backup/audit.js');
  const { FILES, readManifest } = await import('../backup/manifest.js');
  const { beginRestore, restoreBackup } = await import('../backup/restore.js');
  const { openServers } = await import('../backup/stores.js');
  const manifest = await readManifest(folder);
  const files = new BackupFiles(resolve(folder), manifest.files);
  const signal = context.untilStopped();
  // It fills in files and variables as it is read: not before it is known to be the one that was backed up.
  if (file === undefined) await files.verify(signal, FILES.pipeline);
  const config = readPipelineFile(context, file ?? join(folder, FILES.pipeline), output);
  if (config.name !== manifest.pipeline) {
    const message = `the backup is of the pipeline "${manifest.pipeline}", and this file is of "${config.name}"; nothing was done`;
    throw new FatalError('other_pipeline', message);
  }
  await withProgress(terminal, () => 'comparing the files with their hashes', files.verify(signal));
  const releases = new ReleaseList();
  const copies = outputCopies(config, env.POSTGRES_URL || undefined);
  const log = variable(env, 'AUDIT_LOG');
  let step = 'looking at what is there';
  try {
    const reaching = reachingLetters(context, config, signal);
    const servers = await openServers(env, systemClock, reaching.log, releases);
    const onStep = (words: string) => {
      step = words;
    };
    const fate = await fateOfAuditLog(files, log, replaces);
    const options = {
      config,
      manifest,
      files,
      servers,
      copies,
      reaching,
      replaces,
      clock: systemClock,
      signal,
      onStep,
    };
    const readiness = await beginRestore(options);
    const audit = await putAuditLog(files, log, fate);
    await putBesideLog(files, log, config.name);
    const told = await audited(context, config.name, {
      action: 'restore',
      detail: { backup: manifest.backup, asOf: manifest.begunAt, folder, replaces },
      work: () => withProgress(terminal, () => step, restoreBackup(options, readiness)),
      done: () => ({ done: files.under('').length }),
      failed: 'the command was ended, or failed: run it once more',
    });
    const lines = [
      `restored the backup of ${manifest.begunAt} (pipeline ${manifest.pipeline})`,
      ...told,
      audit,
      ...comesAgain(manifest.onTheirWay),
      ...manifest.left.map((words) => `the backup noted: ${words}`),
      ...(servers.redis === undefined
        ? ['REDIS_URL is not set: how far the endpoints came was not put back; everything is polled again']
        : []),
      ...(servers.depths === undefined && (manifest.deadLetters ?? 0) > 0
        ? [`AMQP_URL is not set: ${manifest.deadLetters} dead letters were not put back`]
        : []),
      'start the services: what the source changed since is polled, and what is there already is dropped',
    ];
    terminal.write(`${lines.join('\n')}\n`);
  } finally {
    await releases.release().catch(() => {});
  }
}

const comesAgain = (onTheirWay: number): string[] =>
  onTheirWay === 0
    ? []
    : [
        `${onTheirWay} records were on their way when the backup was made: the producer tells that RabbitMQ lost them, and polls their endpoints again`,
      ];
