import { randomBytes } from 'node:crypto';
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { count, type PipelineConfig, ReleaseList, sinkWords, systemClock, variable } from '@tributary/shared';
import { reachingLetters } from './dead-letters.js';
import { audited } from './shell/audited.js';
import {
  configOption,
  createCommand,
  outputOption,
  wholeNumber,
  withEnvironment,
  withExamples,
} from './shell/command.js';
import type { Context } from './shell/context.js';
import { readPipelineFile } from './shell/pipeline-file.js';
import { withProgress } from './shell/terminal.js';

export const BACKUP_VARIABLES = [
  'PIPELINE',
  'AMQP_URL',
  'REDIS_URL',
  'POSTGRES_URL',
  'AUDIT_LOG',
  'AUDIT_ACTOR',
] as const;

/** Copies a pipeline while it runs. */
export function backupCommand(context: Context, version: string): CommandUnknownOpts {
  const about =
    'Copies the output, how far the endpoints came, the dead letters, the audit log and the pipeline file into a new folder, so that they fit each other. ' +
    'The services run meanwhile. The folder gets its name when the copy is whole; what died half-way is never taken for a backup. Values of secrets are not in it.';
  const command = createCommand(context, 'backup', 'copy a pipeline while it runs, to be restored', about)
    .argument('<DIR>', 'a folder that is not there yet, or is empty')
    .option('--wait <SECONDS>', 'how long to wait at most until what lies in the queues is written', wholeNumber, 120)
    .addOption(outputOption())
    .addOption(configOption(context))
    .action(async (folder, { wait, output, config: file }) => {
      const config = readPipelineFile(context, file, output);
      await backup(context, version, config, { folder, file, patience: wait * 1_000 });
    });
  const examples = [
    ['/backup/$(date +%F)', 'one a day, from cron'],
    ['/backup/now --wait 600', 'where consumers are far behind'],
  ] as const;
  return withEnvironment(withExamples(context, command, examples), BACKUP_VARIABLES);
}

interface Request {
  readonly folder: string;
  readonly file: string;
  readonly patience: number;
}

async function backup(context: Context, version: string, config: PipelineConfig, request: Request): Promise<void> {
  const { env, terminal } = context;
  const { folder, file, patience } = request;
  const { outputCopies } = await import('@tributary/consumer');
  const { makeBackup } = await import('../backup/backup.js');
  const { abandonFolder, beginFolder, endFolder } = await import('../backup/folder.js');
  const { BACKUP_FORMAT } = await import('../backup/manifest.js');
  const { openServers } = await import('../backup/stores.js');
  const signal = context.untilStopped();
  const clock = systemClock;
  const copies = outputCopies(config, env.POSTGRES_URL || undefined);
  const into = await beginFolder(folder);
  const releases = new ReleaseList();
  let step = 'connecting';
  try {
    const reaching = reachingLetters(context, config, signal);
    const servers = await openServers(env, clock, reaching.log, releases);
    const begunAt = new Date(clock.now()).toISOString();
    const name = `${begunAt.replaceAll(/[-:]|\.\d+/g, '')}-${randomBytes(4).toString('hex')}`;
    const contents = await audited(context, config.name, {
      action: 'backup',
      detail: { backup: name, folder },
      async work() {
        const onStep = (words: string) => {
          step = words;
        };
        const auditLog = variable(env, 'AUDIT_LOG');
        const making = makeBackup({
          config,
          file,
          auditLog,
          servers,
          copies,
          reaching,
          into,
          patience,
          clock,
          signal,
          onStep,
        });
        const made = await withProgress(terminal, () => step, making);
        const endedAt = new Date(clock.now()).toISOString();
        const about = {
          format: BACKUP_FORMAT,
          backup: name,
          pipeline: config.name,
          version,
          sink: sinkWords(config.sink).description,
        };
        await endFolder(into, folder, { ...about, begunAt, endedAt, ...made });
        return made;
      },
      done: () => ({ done: into.files.length }),
    });
    const bytes = into.files.reduce((sum, one) => sum + one.bytes, 0);
    const lines = [
      `${folder}: ${contents.output}, ${contents.deadLetters === null ? 'no dead letters' : count(contents.deadLetters, 'dead letter')}, ${count(into.files.length, 'file')}, ${Math.ceil(bytes / 1024)} KB`,
      ...(contents.onTheirWay > 0
        ? [`${count(contents.onTheirWay, 'record')} on the way to the output: polled again after a restore`]
        : []),
      ...contents.left.map((words) => `note: ${words}`),
      ...(contents.variables.length > 0
        ? [`keep the values of these elsewhere: ${contents.variables.join(', ')}`]
        : []),
    ];
    terminal.write(`${lines.join('\n')}\n`);
  } catch (error) {
    await abandonFolder(into);
    throw error;
  } finally {
    await releases.release().catch(() => {});
  }
}
