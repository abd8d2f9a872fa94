import { readFileSync, writeFileSync } from 'node:fs';
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { configOption, createCommand, wholeNumber, withExamples } from './shell/command.js';
import type { Context } from './shell/context.js';
import { readPipelineFile } from './shell/pipeline-file.js';

/** A pipeline with many endpoints, for trying how many a producer bears. */
export function generateEndpointsCommand(context: Context): CommandUnknownOpts {
  const about =
    'Writes the pipeline file with as many endpoints as you like in place of its own. They poll the mock CRM, ' +
    'for trying how many a producer bears.';
  const command = createCommand(
    context,
    'generate-endpoints',
    'write a pipeline with many endpoints, for trying',
    about,
  )
    .option('--count <N>', 'how many', wholeNumber, 90)
    .option('--every <TIME>', 'how often each is polled', '5s')
    .option('--output <FILE>', 'where to; stdout unless given')
    .addOption(configOption(context))
    .action(async ({ count, every, output, config: file }) => {
      const { generateEndpoints } = await import('@tributary/producer');
      // A file with faults is told as such, and not as what would be made of it.
      readPipelineFile(context, file);
      const text = generateEndpoints({ text: readFileSync(file, 'utf8'), count, every, env: context.env });
      if (output === undefined) context.terminal.write(text);
      else writeFileSync(output, text);
    });
  return withExamples(context, command, [['--count 90 --output many.yaml', 'and then: start --config many.yaml']]);
}
