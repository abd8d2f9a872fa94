import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { expectedOneOf, FatalError, isPolled, mappedFields, type PipelineConfig, systemClock } from '@tributary/shared';
import { checklistOf } from '../privacy/safe-harbor.js';
import type { Scanned } from '../privacy/scan.js';
import { tellScan } from './privacy/tell.js';
import { audited } from './shell/audited.js';
import {
  configOption,
  createCommand,
  createGroup,
  outputOption,
  wholeNumber,
  withEnvironment,
  withExamples,
} from './shell/command.js';
import type { Context } from './shell/context.js';
import { readPipelineFile } from './shell/pipeline-file.js';
import { withProgress } from './shell/terminal.js';

const SAMPLE = 1_000;

/** Where personal data is, as far as it can be seen. */
export function privacyCommand(context: Context): CommandUnknownOpts {
  const about = 'Looks for personal data in what endpoints give and in what has landed.';
  return createGroup(context, 'privacy', 'look for personal data', about, [scanCommand(context)]);
}

function scanCommand(context: Context): CommandUnknownOpts {
  const about =
    'Looks at records of endpoints, or at rows of datasets, and tells which columns likely hold what of people: by their names in five languages ' +
    'and by their values. It gives the line that protects each, and the 18 identifiers of HIPAA Safe Harbor as a checklist. It guesses: what it ' +
    'does not find may be there all the same. Values are shown without their letters and digits. What is scanned is written to the audit log.';
  const command = createCommand(context, 'scan', 'which columns likely hold personal data', about)
    .argument('[NAME...]', 'endpoints, which are polled once, and datasets; all datasets unless given')
    .option('--endpoints', 'all endpoints that are polled and enabled')
    .option('--sample <N>', 'how many records or rows of each are looked at', wholeNumber, SAMPLE)
    .option('--json', 'print JSON, for programs')
    .addOption(outputOption())
    .addOption(configOption(context))
    .action(async (names, { endpoints, sample, json, output, config: file }) => {
      const config = readPipelineFile(context, file, output);
      const wanted = chosen(config, names, endpoints === true);
      const all = await withProgress(
        context.terminal,
        () => 'looking for personal data',
        scan(context, config, wanted, sample),
      );
      const asJson = () => JSON.stringify({ scanned: all, safeHarbor: checklistOf(all) }, undefined, 2);
      context.terminal.write(json === true ? `${asJson()}\n` : tellScan(all));
    });
  const examples = [
    ['', 'all datasets'],
    ['crm-customers --sample 200', 'what an endpoint gives, before anything of it is published'],
    ['--endpoints --json', 'for programs'],
  ] as const;
  return withEnvironment(withExamples(context, command, examples), [
    'POSTGRES_URL',
    'REDIS_URL',
    'TRIBUTARY_SECRET',
    'AUDIT_LOG',
    'AUDIT_ACTOR',
    'PRIVACY_HASH_KEY',
    'PRIVACY_ENCRYPTION_KEYS',
  ]);
}

interface Chosen {
  readonly endpoints: readonly string[];
  readonly datasets: readonly string[];
}

/** Merged rows are made of fields of entities, and found there. */
function chosen(config: PipelineConfig, names: readonly string[], allEndpoints: boolean): Chosen {
  const datasets = Object.values(config.entities).map(({ dataset }) => dataset);
  const polled = Object.entries(config.endpoints).filter(([, endpoint]) => endpoint.enabled && isPolled(endpoint));
  if (names.length === 0)
    return allEndpoints ? { endpoints: polled.map(([id]) => id), datasets: [] } : { endpoints: [], datasets };
  const unknown = names.find((name) => !Object.hasOwn(config.endpoints, name) && !datasets.includes(name));
  if (unknown !== undefined) {
    const known = expectedOneOf([...Object.keys(config.endpoints), ...datasets]);
    throw new FatalError('scan_unknown', `there is no endpoint and no dataset of an entity "${unknown}": ${known}`);
  }
  return {
    endpoints: names.filter((name) => Object.hasOwn(config.endpoints, name)),
    datasets: names.filter((name) => datasets.includes(name)),
  };
}

async function scan(
  context: Context,
  config: PipelineConfig,
  { endpoints, datasets }: Chosen,
  sample: number,
): Promise<Scanned[]> {
  return await audited(context, config.name, {
    action: 'privacy scan',
    detail: { endpoints, datasets, sample },
    async work() {
      const ofEndpoints: Scanned[] = [];
      for (const id of endpoints) ofEndpoints.push(await scanEndpoint(context, config, id, sample));
      return [...ofEndpoints, ...(await scanDatasets(context, config, datasets, sample))];
    },
    done: (all) => ({ done: all.reduce((sum, { records }) => sum + records, 0) }),
  });
}

async function scanEndpoint(
  { env, terminal }: Context,
  config: PipelineConfig,
  id: string,
  sample: number,
): Promise<Scanned> {
  const [{ proxiesOf, readProtectionKeys, tryEndpoint }, { Samples }, { scanned }, { declaredOf }] = await Promise.all([
    import('@tributary/producer'),
    import('../privacy/samples.js'),
    import('../privacy/scan.js'),
    import('../privacy/declared.js'),
  ]);
  const samples = new Samples(sample);
  const { REDIS_URL: redisUrl, TRIBUTARY_SECRET: secret } = env;
  await tryEndpoint({
    config,
    id,
    limit: sample,
    clock: systemClock,
    proxies: proxiesOf(env),
    kept: redisUrl && secret ? { redisUrl, secret } : undefined,
    keys: readProtectionKeys(env),
    see: (raw) => samples.add(raw),
    // Records are not shown here.
    write: () => {},
  });
  if (samples.records === 0) terminal.say(`${id} gave no records\n`);
  const endpoint = config.endpoints[id];
  const entity = endpoint && config.entities[endpoint.entity];
  if (endpoint === undefined || entity === undefined) throw new Error(`there is no endpoint ${id}`);
  return scanned(
    id,
    'endpoint',
    samples,
    declaredOf(endpoint.entity, entity, mappedFields(entity.fields, endpoint.map), false),
  );
}

async function scanDatasets(
  { env, terminal, untilStopped }: Context,
  config: PipelineConfig,
  datasets: readonly string[],
  rows: number,
): Promise<Scanned[]> {
  if (datasets.length === 0) return [];
  const [{ sampleDatasets }, { Samples }, { scanned }, { declaredOf }] = await Promise.all([
    import('@tributary/dashboard'),
    import('../privacy/samples.js'),
    import('../privacy/scan.js'),
    import('../privacy/declared.js'),
  ]);
  const samples = new Map(datasets.map((name) => [name, new Samples(rows)]));
  const { POSTGRES_URL: postgresUrl, DASHBOARD_SQL_URL: sqlUrl } = env;
  const see = (dataset: string, column: string, cell: unknown) => samples.get(dataset)?.cell(column, cell);
  const seen = await sampleDatasets({
    config,
    datasets,
    rows,
    postgresUrl,
    sqlUrl,
    clock: systemClock,
    signal: untilStopped(),
    see,
  });
  return Object.entries(config.entities).flatMap(([name, entity]) => {
    const own = samples.get(entity.dataset);
    if (own === undefined) return [];
    own.records = seen[entity.dataset] ?? 0;
    if (own.records === 0) terminal.say(`${entity.dataset} has no rows\n`);
    return [scanned(entity.dataset, 'dataset', own, declaredOf(name, entity, entity.fields, true))];
  });
}
