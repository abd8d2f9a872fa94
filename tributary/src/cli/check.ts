import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { adviceOn, count, loadPipeline } from '@tributary/shared';
import { configOption, createCommand, withExamples } from './shell/command.js';
import { type Context, EXIT } from './shell/context.js';

/** Every fault of a pipeline file at once. */
export function checkCommand(context: Context): CommandUnknownOpts {
  const about = 'Tells every fault of a pipeline file at once, each with its place and what is expected there.';
  const command = createCommand(context, 'check', 'tell every fault of a pipeline file at once', about)
    .argument('[FILE]', 'the pipeline file; the same as --config FILE')
    .addOption(configOption(context));
  command.action((named, { config }) => {
    if (named !== undefined && command.getOptionValueSource('config') !== 'default') {
      command.error(`error: one file at a time, not ${named} and ${config}`, { exitCode: EXIT.usage });
    }
    const file = named ?? config;
    const pipeline = loadPipeline(file, context.env);
    const { endpoints, entities, sink } = pipeline;
    const found = [count(Object.keys(endpoints).length, 'endpoint'), `entities: ${Object.keys(entities).join(', ')}`];
    context.terminal.write(`${file} is valid: ${found.join(', ')}; sink: ${sink.type}\n`);
    for (const advice of adviceOn(pipeline, context.env)) context.terminal.write(`note: ${advice}\n`);
  });
  return withExamples(context, command, [
    ['', 'PIPELINE, or pipeline.yaml'],
    ['my-pipeline.yaml', 'another file'],
  ]);
}
