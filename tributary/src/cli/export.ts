import { readdir } from 'node:fs/promises';
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { count, datasetsOf, FatalError, type PipelineConfig, systemClock } from '@tributary/shared';
import { audited } from './shell/audited.js';
import { configOption, createCommand, outputOption, withEnvironment, withExamples } from './shell/command.js';
import type { Context } from './shell/context.js';
import { readPipelineFile } from './shell/pipeline-file.js';
import { withProgress } from './shell/terminal.js';

/** One run of an export of the pipeline file. */
export function exportCommand(context: Context): CommandUnknownOpts {
  const { terminal, env } = context;
  const about =
    'Runs an export of the pipeline file once: its query, as files with a manifest, to its folder or to S3. Needs no dashboard; ' +
    'with the sink postgres, POSTGRES_URL names the database. Who did it is written to the audit log.';
  const command = createCommand(context, 'export', 'write the files of an export now', about)
    .argument('<NAME>', 'its name in the pipeline file')
    .option('--json', 'print the manifest')
    .addOption(outputOption())
    .addOption(configOption(context))
    .action(async (name, { json, output, config: file }) => {
      const { checkExport, runExportCommand } = await import('@tributary/dashboard');
      const config = readPipelineFile(context, file, output);
      const signal = context.untilStopped();
      const { POSTGRES_URL: postgresUrl, DASHBOARD_SQL_URL: sqlUrl } = env;
      const exporting = audited(context, config.name, {
        action: 'export',
        detail: { export: name },
        async work() {
          checkExport(config, name);
          await refuseEmpty(config);
          return await runExportCommand({ config, name, postgresUrl, sqlUrl, clock: systemClock, signal });
        },
        done: ({ manifest: { rows } }) => ({ done: rows }),
      });
      const { manifest, place, removed, cleared } = await withProgress(terminal, () => `exporting ${name}`, exporting);
      if (cleared.length > 0) terminal.say(`removed what ${count(cleared.length, 'run')} left that had been killed\n`);
      if (json === true) return terminal.write(`${JSON.stringify(manifest, undefined, 2)}\n`);
      for (const { name: written, rows, bytes } of manifest.files)
        terminal.write(`${place}/${written}: ${count(rows, 'row')}, ${bytes} bytes\n`);
      terminal.write(`${place}/manifest.json: as of ${manifest.asOf}\n`);
      if (removed.length > 0) terminal.write(`removed: ${removed.join(', ')}\n`);
    });
  const examples = [
    ['training_set', 'one run, as its settings say'],
    ['training_set --json', 'the manifest on stdout'],
    ['training_set --output ./out', 'after start --output ./out'],
  ] as const;
  return withEnvironment(withExamples(context, command, examples), [
    'POSTGRES_URL',
    'DASHBOARD_SQL_URL',
    'AUDIT_LOG',
    'AUDIT_ACTOR',
  ]);
}

/**
 * Where nothing was ever written, an export would be one of no rows, and look like a success.
 * @throws FatalError
 */
async function refuseEmpty(config: PipelineConfig): Promise<void> {
  const { sink } = config;
  if (sink.type !== 'csv') return;
  const { directory } = sink.csv;
  const ours = new Set(['.tributary', ...datasetsOf(config).map(({ name }) => name)]);
  const names = await readdir(directory).catch(() => []);
  if (names.some((name) => ours.has(name))) return;
  throw new FatalError(
    'output_missing',
    `${directory} holds nothing that this pipeline has written, so that the export would have no rows: after start --output DIR, say --output DIR here too (or set OUTPUT_DIR)`,
  );
}
