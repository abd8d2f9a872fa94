import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { FatalError, type Service, sinkWords, systemClock, withoutPasswords } from '@tributary/shared';
import type { Pipeline } from '../library/pipeline.js';
import { writeReport } from '../library/report-file.js';
import { showFlow } from './flow/live.js';
import { adviceOnMarks, describeSummary, farewell, flowLine, welcome } from './flow/tell.js';
import { configOption, createCommand, withEnvironment, withExamples } from './shell/command.js';
import { CommandFailed, type Context, EXIT } from './shell/context.js';
import { personLogger } from './shell/logs.js';
import { tellFile } from './shell/pipeline-file.js';
import { withProgress } from './shell/terminal.js';

interface StartOptions {
  readonly once?: true | undefined;
  readonly json?: true | undefined;
  readonly output?: string | undefined;
  readonly report?: string | undefined;
  readonly config: string;
}

/** What a person sets most often; the services read more. */
const VARIABLES = ['AMQP_URL', 'REDIS_URL', 'POSTGRES_URL', 'PORT', 'LOG_LEVEL', 'ADMIN_TOKEN', 'CRM_URL'] as const;
const IN_MEMORY =
  'Without AMQP_URL and REDIS_URL, RabbitMQ and Redis are stand-ins in memory. --once then keeps in the output folder how far\n' +
  'the endpoints came, so that the next start asks only for what is new.';

/** The whole pipeline in this process. */
export function startCommand(context: Context): CommandUnknownOpts {
  const about =
    'Runs the whole pipeline in this process: polls the endpoints on their schedules, carries the records ' +
    'through queues, and writes each exactly once. Stops in good order at Ctrl-C.';
  const command = createCommand(context, 'start', 'run the whole pipeline in one process', about)
    .option('--once', 'poll every endpoint once, write everything, print a summary and end')
    .option('--json', 'with --once: print the summary as one JSON object on stdout')
    .option('--report <FILE>', 'with --once: write the summary into this file, with the hashes of files that were read')
    .option('--output <DIR>', 'where the CSV files go, whatever the pipeline file says')
    .addOption(configOption(context));
  command.action(async (options) => {
    if (options.json && !options.once) command.error('error: --json needs --once', { exitCode: EXIT.usage });
    if (options.report && !options.once) command.error('error: --report needs --once', { exitCode: EXIT.usage });
    await (options.once ? pollOnce(context, options) : runUntilStopped(context, options));
  });
  const examples = [
    ['', 'until Ctrl-C'],
    ['--once', 'one round; exits 1 if an endpoint cannot be polled, 3 if all its records died'],
    ['--once --json --output ./out', 'for programs'],
  ] as const;
  return withEnvironment(withExamples(context, command, examples), VARIABLES).addHelpText('after', `\n${IN_MEMORY}`);
}

async function pollOnce(context: Context, options: StartOptions): Promise<void> {
  const { terminal } = context;
  const stop = context.untilStopped();
  const pipeline = await start(context, options);
  try {
    const progress = async () => flowLine(await pipeline.stats());
    const summary = await withProgress(terminal, progress, Promise.race([pipeline.once(), untilAborted(stop)]));
    const report = await writeReport(summary, pipeline.config, options.report, systemClock.now());
    const advice = adviceOnMarks(pipeline, summary);
    const warnings = advice.filter((line) => line.startsWith('NOT DELETED'));
    const told = options.json
      ? `${JSON.stringify(warnings.length === 0 ? summary : { ...summary, warnings })}\n`
      : describeSummary(summary, [...advice, ...(report === undefined ? [] : [`Report: ${report}`])]);
    terminal.write(withoutPasswords(told));
    if (summary.endpoints.some(({ error }) => error !== undefined)) throw new CommandFailed('an endpoint failed');
    const refused = summary.endpoints.flatMap(({ inputs = [] }) =>
      inputs.filter(({ outcome }) => outcome === 'refused'),
    );
    if (refused.length > 0) throw new CommandFailed('a file was not read');
    if (summary.endpoints.some(({ allDied }) => allDied)) throw new CommandFailed('all died', EXIT.allDied);
  } finally {
    await withProgress(terminal, () => 'stopping: what is under way is written', pipeline.stop());
  }
}

async function untilAborted(signal: AbortSignal): Promise<never> {
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve));
  throw new Error('stopped before the round was complete; the next one polls what is missing');
}

async function runUntilStopped(context: Context, options: StartOptions): Promise<void> {
  const { terminal, spell } = context;
  const pipeline = await start(context, options);
  const ended = new AbortController();
  const service: Service = {
    async start() {
      terminal.write(withoutPasswords(`\n${welcome(pipeline, spell)}\n`));
      void showFlow(pipeline, terminal, systemClock, ended.signal);
    },
    async stop() {
      ended.abort();
      await withProgress(terminal, () => 'stopping: what is under way is written', pipeline.stop());
      terminal.write(withoutPasswords(`${farewell(await pipeline.stats(), sinkWords(pipeline.config.sink).place)}\n`));
    },
  };
  await context.run(service, personLogger(context)('tributary'));
}

async function start(context: Context, { config, output, once }: StartOptions): Promise<Pipeline> {
  const { createPipeline } = await import('../library/pipeline.js');
  const logger = personLogger(context);
  const pipeline = createPipeline({ config, output, schedule: !once, env: context.env, logger });
  pipeline.on('error', (error) => {
    // The services log their own problems.
    if (!(error instanceof FatalError)) return;
    const advice = 'the RabbitMQ in memory has died; start again: what was written is not written twice';
    logger('tributary').fatal({ reason: error.message }, advice);
    context.exit(EXIT.failed);
  });
  await withProgress(context.terminal, () => 'starting', pipeline.start());
  tellFile(context, config);
  await tellOthers(context, config, pipeline);
  return pipeline;
}

/** Says it when the rows of another pipeline are in the same folder. A folder that cannot be written is told by the consumer. */
async function tellOthers({ terminal }: Context, file: string, { config: { sink } }: Pipeline): Promise<void> {
  const { folder } = sinkWords(sink);
  if (folder === undefined) return;
  const { otherPipelines } = await import('../library/output-users.js');
  const others = await otherPipelines(folder, file).catch(() => []);
  if (others.length === 0) return;
  terminal.say(
    `note: ${folder} has rows of another pipeline too (${others.join(', ')}): give each an output of its own (--output DIR, OUTPUT_DIR or sink.csv.directory), so that datasets of one name do not mix\n`,
  );
}
