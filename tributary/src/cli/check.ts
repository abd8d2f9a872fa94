import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { adviceOn, count, loadPipeline, type PipelineConfig, systemClock } from '@tributary/shared';
import { configOption, createCommand, withExamples } from './shell/command.js';
import { type Context, EXIT } from './shell/context.js';
import { withProgress } from './shell/terminal.js';

/** Every fault of a pipeline file at once. */
export function checkCommand(context: Context): CommandUnknownOpts {
  const about = 'Tells every fault of a pipeline file at once, each with its place and what is expected there.';
  const command = createCommand(context, 'check', 'tell every fault of a pipeline file at once', about)
    .argument('[FILE]', 'the pipeline file; the same as --config FILE')
    .addOption(configOption(context))
    .option('--against', 'also tell what will become of what the output holds; nothing is changed');
  command.action(async (named, { config, against }) => {
    if (named !== undefined && command.getOptionValueSource('config') !== 'default') {
      command.error(`error: one file at a time, not ${named} and ${config}`, { exitCode: EXIT.usage });
    }
    const file = named ?? config;
    const pipeline = loadPipeline(file, context.env);
    const { endpoints, entities, sink } = pipeline;
    const found = [count(Object.keys(endpoints).length, 'endpoint'), `entities: ${Object.keys(entities).join(', ')}`];
    context.terminal.write(`${file} is valid: ${found.join(', ')}; sink: ${sink.type}\n`);
    for (const advice of adviceOn(pipeline, context.env)) context.terminal.write(`note: ${advice}\n`);
    if (against === true) await tellAgainst(context, pipeline);
  });
  return withExamples(context, command, [
    ['', 'PIPELINE, or pipeline.yaml'],
    ['my-pipeline.yaml', 'another file'],
    ['--against', 'compare it with what has landed, before the services are started again'],
  ]);
}

async function tellAgainst({ env, terminal }: Context, config: PipelineConfig): Promise<void> {
  const { compareWithOutput } = await import('@tributary/consumer');
  const comparing = compareWithOutput({ config, postgresUrl: env.POSTGRES_URL, clock: systemClock });
  const told = await withProgress(terminal, () => 'looking at what the output holds', comparing);
  for (const one of told) terminal.write(`output: ${one}\n`);
  if (told.length === 0) terminal.write('output: nothing there is of another form than the file says\n');
}
