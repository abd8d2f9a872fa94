import { isMapping } from '../records/own-value.js';
import { either } from '../words.js';
import { SINKS } from './kinds/sinks.js';

/**
 * What reads a variable: a service, some of the commands (their `--help` names it), a pipeline file, or `npm start`, which also reads what
 * its services read.
 */
export type Reader = 'mock-api' | 'producer' | 'consumer' | 'dashboard' | 'commands' | 'pipeline' | 'start';

export interface Variable {
  readonly readers: readonly Reader[];
  /** What counts where the variable is not set or empty. */
  readonly usual?: string;
  /** `usual` in words, where it is no value. */
  readonly usually?: string;
  /** The setting of the pipeline file that it stands for, where the file is silent about that. */
  readonly setting?: string;
  readonly words: string;
}

const SERVICES = ['mock-api', 'producer', 'consumer', 'dashboard'] as const;
const TRACED = ['producer', 'consumer'] as const;
const POLLING = ['producer', 'consumer', 'dashboard'] as const;

/** What OTEL_TRACES_SAMPLER may be. */
export const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;

/** The port of each service that runs by itself. */
export const PORTS = { 'mock-api': 8080, producer: 8081, consumer: 8082, dashboard: 8000 } as const;

/**
 * Every environment variable that a service reads, except the proxies' and those that only docker-compose.yml reads. {@link
 * ServiceEnvironment} is made from it, so that code which reads a variable that is not in here does not compile.
 */
export const ENVIRONMENT = {
  PIPELINE: { readers: [...POLLING, 'commands'], usual: 'pipeline.yaml', words: 'The pipeline file' },
  AMQP_URL: {
    readers: [...POLLING, 'commands'],
    words:
      'RabbitMQ, such as amqp://user:password@host:5672; several nodes with commas between them. A heartbeat of 5 s is asked for, so that a dead connection is noticed within 10 s, unless the URL says otherwise (?heartbeat=15)',
  },
  REDIS_URL: {
    readers: [...POLLING, 'commands'],
    words:
      'Redis, such as redis://host:6379, or Sentinels that watch it, such as redis+sentinel://:password@host1:26379,host2:26379/mymaster/0; the dashboard reads there what a trace tells of polls and duplicates',
  },
  POSTGRES_URL: {
    readers: ['consumer', 'dashboard', 'commands'],
    words:
      'Postgres, such as postgres://user:password@host:5432/database; several hosts with commas between them, of which the primary is found; needed for the sink postgres',
  },
  HOST: {
    readers: SERVICES,
    usual: '127.0.0.1',
    words: 'The address that a service listens on which runs by itself',
  },
  PORT: {
    readers: SERVICES,
    usually: Object.entries(PORTS)
      .map(([service, port]) => `${service} ${port}`)
      .join(', '),
    words:
      'The port that a service listens on; 0 for any free one. `npm start` gives it to its dashboard, stays on 127.0.0.1, and takes another port where one is taken',
  },
  WEBHOOK_PORT: {
    readers: ['producer'],
    usually: "the producer's own port",
    words:
      'The port on which events of webhooks are taken, and nothing else but /healthz and /readyz answers: so that they can be reached from outside, and the routes for commands cannot',
  },
  WEBHOOK_HOST: { readers: ['producer'], usually: '`HOST`', words: 'The address of that port' },
  INSTANCE_ID: {
    readers: SERVICES,
    usually: "the host's name",
    words:
      'Names this instance in logs, in RabbitMQ and in the names of CSV files: letters, digits, dots, dashes and underscores, 60 at most; another name is shortened, and gets a hash',
  },
  LOG_LEVEL: {
    readers: [...SERVICES, 'commands'],
    usual: 'info',
    usually: '`info`; with `npm start` `warn`',
    words:
      'How much is logged: trace, debug, info, warn, error, fatal or silent; for single services too, as in `warn,consumer=debug`',
  },
  OTEL_EXPORTER_OTLP_ENDPOINT: {
    readers: TRACED,
    words:
      'The collector that gets traces by OTLP over HTTP, such as http://127.0.0.1:4318; `/v1/traces` is added. Without it (and the next two) nothing is traced',
  },
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: {
    readers: TRACED,
    words: 'The whole address for traces, where it is another one',
  },
  OTEL_TRACES_EXPORTER: {
    readers: TRACED,
    words: '`otlp` traces to http://127.0.0.1:4318 where no address is set; `none` traces nothing',
  },
  OTEL_SDK_DISABLED: { readers: TRACED, words: '`true`: nothing is traced, whatever else is set' },
  OTEL_EXPORTER_OTLP_PROTOCOL: {
    readers: TRACED,
    usual: 'http/protobuf',
    words: 'No other is there: set it if your environment sets another for other programs',
  },
  OTEL_EXPORTER_OTLP_HEADERS: {
    readers: TRACED,
    words:
      'Headers for the collector, such as a token: `name=value`, several with commas between them, percent-encoded',
  },
  OTEL_EXPORTER_OTLP_TIMEOUT: {
    readers: TRACED,
    usual: '10000',
    words: 'Milliseconds that the collector has for an answer, with repetitions; then the spans are lost',
  },
  OTEL_EXPORTER_OTLP_COMPRESSION: { readers: TRACED, usual: 'none', words: '`gzip` or `none`' },
  OTEL_EXPORTER_OTLP_CERTIFICATE: {
    readers: TRACED,
    words: 'A file with the certificates that the one of the collector is checked with',
  },
  OTEL_TRACES_SAMPLER: {
    readers: TRACED,
    usual: 'parentbased_always_on',
    words: `Which traces are recorded: ${either(SAMPLERS)}`,
  },
  OTEL_TRACES_SAMPLER_ARG: {
    readers: TRACED,
    usual: '1',
    words: 'The share of traces that are recorded, from 0 to 1, where the sampler goes by it',
  },
  OTEL_SERVICE_NAME: {
    readers: TRACED,
    usually: '`tributary-producer`, `tributary-consumer`',
    words: 'What the service is called in traces',
  },
  OTEL_RESOURCE_ATTRIBUTES: {
    readers: TRACED,
    words:
      'What else traces tell of the service, such as `deployment.environment.name=production`: as OTEL_EXPORTER_OTLP_HEADERS',
  },
  UMASK: {
    readers: [...SERVICES, 'commands'],
    usual: '027',
    usually: '`027`; with docker compose `022`',
    words:
      'Which rights the files and folders that a service writes do not get, as octal digits: with `027` their owner may write them, their group read them, and no other user; with `022` every user may read them',
  },
  NODE_ENV: {
    readers: ['producer', 'consumer'],
    words: 'With `production`, as in the images, a service warns of passwords that stand in the sources',
  },
  ADMIN_TOKEN: {
    readers: ['producer', 'dashboard', 'commands'],
    words: 'The token for commands to endpoints (run, pause, reset); without it the producer refuses them',
  },
  READ_TOKEN: {
    readers: ['producer', 'consumer', 'dashboard', 'commands'],
    words:
      'The token with which programs read what services tell: `/metrics`, the reasons on `/readyz`, the endpoints of the producer. The dashboard reads with it, and takes it as a token for looking; where it is set, the services tell nothing without it unless DASHBOARD_READ says otherwise',
  },
  TRIBUTARY_SECRET: {
    readers: ['producer', 'commands'],
    words:
      'A long random text, the same for all producers: what it encrypts is kept in Redis, such as a refresh token that a server has replaced. Without it such a token is lost with the process',
  },
  PRIVACY_HASH_KEY: {
    readers: ['producer', 'commands'],
    words:
      'A long random text (32 characters at least), the same for all producers: what `protect: hash` makes pseudonyms with. With another one every pseudonym is another',
  },
  PRIVACY_ENCRYPTION_KEYS: {
    readers: ['producer', 'commands'],
    words:
      'What `protect: encrypt` encrypts with: `name:text`, several with commas between them, each text long and random (32 characters at least). The first encrypts; `npx tributary reveal` reads what any of them has encrypted',
  },
  PRODUCER_URL: {
    readers: ['dashboard', 'commands'],
    usual: 'http://127.0.0.1:8081',
    words:
      'Where the producers answer, several with commas between them; a name with several addresses stands for all of them',
  },
  CONSUMER_URL: {
    readers: ['dashboard'],
    usual: 'http://127.0.0.1:8082',
    words: 'Where the consumers answer, as PRODUCER_URL',
  },
  MOCK_API_URL: { readers: ['dashboard'], words: 'Where the mock CRM answers, for the demonstration on the page' },
  DASHBOARD_VIEWER_TOKEN: { readers: ['dashboard'], words: 'The token of a person who may look' },
  DASHBOARD_OPERATOR_TOKEN: { readers: ['dashboard'], words: 'The token of a person who may look, replay and command' },
  DASHBOARD_ADMIN_TOKEN: { readers: ['dashboard'], words: 'The token of a person who may do everything' },
  DASHBOARD_READ: {
    readers: ['producer', 'consumer', 'dashboard'],
    usually:
      '`local`; `token` where a viewer has a token (for the other services: READ_TOKEN) or other machines can reach the service',
    words:
      'Who may look without a token, at the page and at what the other services tell: `local` (this machine), `open` (every machine) or `token` (no one)',
  },
  TRUST_PROXY: {
    readers: ['dashboard'],
    words:
      'The proxies before the dashboard whose `X-Forwarded-For`, `-Proto` and `-Host` are believed: how many there are (1 to 9), or their addresses and networks with commas between them (`loopback`, `10.0.0.0/8`); without it none is, and all that comes through a proxy counts as one client',
  },
  PUBLISHED_ON: {
    readers: ['producer', 'consumer', 'dashboard'],
    words:
      'The address of the host on which the port of its container is published; docker-compose.yml sets it from BIND',
  },
  DASHBOARD_SQL: {
    readers: ['dashboard'],
    usual: 'viewer',
    words: 'Who may ask in SQL on the dashboard: `viewer` (all who may look), `operator`, `admin`, or `off` for nobody',
  },
  DASHBOARD_SQL_URL: {
    readers: ['dashboard'],
    usually: '`POSTGRES_URL`',
    words:
      'The Postgres of the sink for queries in SQL, as a role that may read the tables of the datasets (and make temporary ones) and nothing else',
  },
  AUDIT_LOG: {
    readers: ['dashboard', 'commands'],
    usual: './audit/actions.jsonl',
    words:
      'The audit log: what people do on the dashboard and by commands, and what the system does with personal data',
  },
  AUDIT_ACTOR: {
    readers: ['commands'],
    usually: 'the user of the system',
    words: 'Who acts by a command, for the audit log: in a container all are one user',
  },
  CRM_URL: {
    readers: ['pipeline', 'start'],
    usually: 'a mock CRM',
    words: 'The API that the shipped pipeline.yaml polls; without it `npm start` runs a mock CRM',
  },
  POLL_INTERVAL: { readers: ['pipeline'], usual: '60s', words: 'How often the shipped pipeline.yaml polls' },
  BATCH_SIZE: { readers: ['pipeline'], usual: '10', setting: 'batch.size', words: 'Records in a batch' },
  BATCH_INTERVAL: {
    readers: ['pipeline'],
    usual: '30s',
    setting: 'batch.interval',
    words: 'How long the oldest record of a batch waits at most',
  },
  SINK: {
    readers: ['pipeline'],
    usual: 'csv',
    setting: 'sink.type',
    words: `Where rows land: ${either(Object.keys(SINKS))}`,
  },
  OUTPUT_DIR: {
    readers: ['pipeline'],
    usual: './output',
    setting: 'sink.csv.directory',
    words: 'The folder of the CSV files',
  },
  MOCK_CUSTOMERS: { readers: ['mock-api'], usual: '200', words: 'Customers that the mock CRM begins with' },
  MOCK_ITEMS: { readers: ['mock-api'], usual: '50', words: 'Items that the mock CRM begins with' },
  MOCK_SEED: { readers: ['mock-api'], usual: '42', words: 'The same seed makes the same records' },
  MOCK_CHANGES_PER_SECOND: {
    readers: ['mock-api'],
    usual: '1',
    words: 'Changes to its records a second; 0 for none',
  },
  MOCK_FAULTS: {
    readers: ['mock-api'],
    words: 'How the mock CRM misbehaves, as JSON: {"status": {"503": 0.1}, "latency": 200, "truncated": 0.01}',
  },
} as const satisfies Readonly<Record<string, Variable>>;

/** Read by the producer alone, in lower case too, as other programs do. */
export const PROXIES: Readonly<Record<string, Variable>> = {
  HTTP_PROXY: { readers: ['producer'], words: 'The proxy for http URLs of endpoints' },
  HTTPS_PROXY: { readers: ['producer'], words: 'The proxy for https URLs of endpoints' },
  NO_PROXY: {
    readers: ['producer'],
    words: 'Hosts that are asked without a proxy, with commas between them; this machine always is',
  },
};

export type VariableName = keyof typeof ENVIRONMENT;

/** Names and values, such as `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The same for code that reads variables by their name. */
export type ServiceEnvironment = { readonly [Name in VariableName]?: string | undefined };

const VARIABLES: ReadonlyMap<string, Variable> = new Map(Object.entries(ENVIRONMENT));

/** The value of a variable, or what counts where it is not set; '' if nothing does. An empty variable counts as not set. */
export const variable = (env: ServiceEnvironment, name: VariableName): string =>
  env[name] || (VARIABLES.get(name)?.usual ?? '');

/**
 * Adds `${NAME}` for each setting that a variable stands for, is not in the parsed document and has a variable that is set.
 * The file has the last word: a setting that it names, with or without a variable, is not touched.
 */
export function askEnvironment(document: unknown, env: Environment): unknown {
  if (!isMapping(document)) return document;
  let asked = document;
  for (const [name, { setting }] of VARIABLES) {
    if (setting !== undefined && env[name]) asked = withUsual(asked, setting.split('.'), `\${${name}}`);
  }
  return asked;
}

/** The mapping with a value at the path, unless something stands there. */
function withUsual(
  mapping: Record<string, unknown>,
  [step = '', ...rest]: readonly string[],
  value: string,
): Record<string, unknown> {
  const found = mapping[step] ?? undefined;
  if (rest.length === 0) return found === undefined ? { ...mapping, [step]: value } : mapping;
  // Something else may stand where a section belongs: that is a fault of its own.
  if (found !== undefined && !(isMapping(found) && Object.getPrototypeOf(found) === Object.prototype)) return mapping;
  return { ...mapping, [step]: withUsual(found ?? {}, rest, value) };
}
