import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import type { Environment, LogOutput, ServiceProcess } from '@tributary/shared';
import { configOption, createCommand } from './shell/command.js';
import type { Context } from './shell/context.js';
import { tellFile } from './shell/pipeline-file.js';

interface ServiceCommand {
  readonly summary: string;
  readonly about: string;
  readonly environment: string;
  readonly make: Make;
}

/** Loads the service, and no other: each of them has its own dependencies. */
type Make = (env: Environment, output: LogOutput) => Promise<ServiceProcess>;

const OWN_SERVERS = `  AMQP_URL, REDIS_URL  the RabbitMQ and the Redis
  HOST, PORT           where it answers /healthz, /readyz and /metrics
  INSTANCE_ID          its name among its like; the host's name unless set`;

/** One service of the pipeline as a process of its own. */
const SERVICES: Readonly<Record<'producer' | 'consumer' | 'dashboard', ServiceCommand>> = {
  producer: {
    summary: 'run a producer alone',
    about: 'Polls the endpoints, and publishes to your RabbitMQ. Several producers share the endpoints.',
    environment: `${OWN_SERVERS}
  ADMIN_TOKEN          who knows it may command the endpoints; without it, commands are refused`,
    make: async (env, output) => (await import('@tributary/producer')).producerProcess(env, output),
  },
  consumer: {
    summary: 'run a consumer alone',
    about: 'Takes records from the queues, and writes each exactly once. Run as many as you like.',
    environment: `${OWN_SERVERS}
  POSTGRES_URL         the database of a pipeline whose sink is postgres`,
    make: async (env, output) => (await import('@tributary/consumer')).consumerProcess(env, output),
  },
  dashboard: {
    summary: 'run the dashboard alone',
    about: 'Shows what flows and what has landed.',
    environment: `${OWN_SERVERS}
  PRODUCER_URL, CONSUMER_URL, MOCK_API_URL    where the services answer; several with commas between
  DASHBOARD_OPERATOR_TOKEN, DASHBOARD_ADMIN_TOKEN    who knows them may act there`,
    make: async (env, output) => (await import('@tributary/dashboard')).dashboardProcess(env, output),
  },
};

export const serviceCommands = (context: Context): CommandUnknownOpts[] => [
  ...Object.entries(SERVICES).map(([name, service]) => serviceCommand(context, name, service)),
  mockApiCommand(context),
];

function serviceCommand(context: Context, name: string, service: ServiceCommand): CommandUnknownOpts {
  return createCommand(context, name, service.summary, service.about)
    .addOption(configOption(context))
    .addHelpText('after', `\nEnvironment:\n${service.environment}`)
    .action(async ({ config }) => {
      await run(context, service.make, { ...context.env, PIPELINE: config });
      tellFile(context, config);
    });
}

/** It has no pipeline. */
function mockApiCommand(context: Context): CommandUnknownOpts {
  const about = 'Serves a CRM to poll: customers and products that change as you watch, and misbehave when told to.';
  const environment = `  HOST, PORT                           where it answers; 127.0.0.1 and 8080 unless set
  MOCK_CUSTOMERS, MOCK_ITEMS           how many there are
  MOCK_CHANGES_PER_SECOND, MOCK_SEED   how much changes, and by which numbers
  MOCK_FAULTS                          how it misbehaves, as JSON: {"status": {"503": 0.1}, "latency": 200}`;
  return createCommand(context, 'mock-api', 'run the mock CRM alone', about)
    .addHelpText('after', `\nEnvironment:\n${environment}`)
    .action(() => run(context, makeMockApi, context.env));
}

const makeMockApi: Make = async (env, output) => (await import('@tributary/mock-api')).mockApiProcess(env, output);

async function run(context: Context, make: Make, env: Environment): Promise<void> {
  const { service, log } = await make(env, { write: (line) => context.terminal.write(line) });
  await context.run(service, log);
}
