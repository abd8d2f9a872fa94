import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import {
  adviceOn,
  ConfigError,
  count,
  type Environment,
  FatalError,
  type Fault,
  loadPipeline,
  missingKeys,
  type PipelineConfig,
  protectsAny,
  systemClock,
  unusableHierarchies,
} from '@tributary/shared';
import { configOption, createCommand, withExamples } from './shell/command.js';
import { type Context, EXIT } from './shell/context.js';
import { withProgress } from './shell/terminal.js';

/** Every fault of a pipeline file at once. */
export function checkCommand(context: Context): CommandUnknownOpts {
  const about =
    'Tells every fault of a pipeline file at once, each with its place and what is expected there; also keys of protected fields that are not set ' +
    'here, and tables and columns that queries of exports name and nobody writes.';
  const command = createCommand(context, 'check', 'tell every fault of a pipeline file at once', about)
    .argument('[FILE]', 'the pipeline file; the same as --config FILE')
    .addOption(configOption(context))
    .option('--against', 'also tell what will become of what the output holds; nothing is changed');
  command.action(async (named, { config, against }) => {
    if (named !== undefined && command.getOptionValueSource('config') !== 'default') {
      command.error(`error: one file at a time, not ${named} and ${config}`, { exitCode: EXIT.usage });
    }
    const file = named ?? config;
    const pipeline = await checked(file, context.env);
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

/** @throws ConfigError with every fault, also of what the file needs around it: keys of protected fields, and tables of queries */
async function checked(file: string, env: Environment): Promise<PipelineConfig> {
  let seen: PipelineConfig | undefined;
  const faults: Fault[] = [];
  const also = (config: PipelineConfig) => {
    seen = config;
    return [...missingKeys(config, env), ...unusableHierarchies(config)];
  };
  let pipeline: PipelineConfig | undefined;
  try {
    pipeline = loadPipeline(file, env, { also });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    faults.push(...error.faults);
  }
  // A file that is no YAML.
  if (seen === undefined) throw new ConfigError(file, faults);
  faults.push(...(await faultsOfKeys(seen, env)));
  // Where an entity or a merge is at fault, tables may lack columns for that alone.
  const areTablesKnown = faults.every(({ path }) => !/^(entities|merges)\b/.test(path) || path.endsWith('.protect'));
  if (areTablesKnown && Object.values(seen.exports).some(({ query }) => query !== undefined)) {
    const { faultsOfQueries } = await import('@tributary/dashboard');
    faults.push(...(await faultsOfQueries(seen)));
  }
  if (pipeline === undefined || faults.length > 0) throw new ConfigError(file, faults);
  return pipeline;
}

/** Keys that are set and cannot be used; producers would not start. */
async function faultsOfKeys({ entities }: PipelineConfig, env: Environment): Promise<Fault[]> {
  if (Object.values(entities).every(({ fields }) => !protectsAny(fields))) return [];
  const { readProtectionKeys } = await import('@tributary/producer');
  try {
    readProtectionKeys(env);
    return [];
  } catch (error) {
    if (!(error instanceof FatalError)) throw error;
    return [{ path: '(environment)', message: error.message }];
  }
}

async function tellAgainst({ env, terminal }: Context, config: PipelineConfig): Promise<void> {
  const { compareWithOutput } = await import('@tributary/consumer');
  const comparing = compareWithOutput({ config, postgresUrl: env.POSTGRES_URL, clock: systemClock });
  const told = await withProgress(terminal, () => 'looking at what the output holds', comparing);
  for (const one of told) terminal.write(`output: ${one}\n`);
  if (told.length === 0) terminal.write('output: nothing there is of another form than the file says\n');
}
