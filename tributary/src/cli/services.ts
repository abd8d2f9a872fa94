import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import type { Environment, LogOutput, ServiceProcess } from '@tributary/shared';
import { configOption, createCommand, variablesOf, withEnvironment } from './shell/command.js';
import type { Context } from './shell/context.js';
import { tellFile } from './shell/pipeline-file.js';
import { logOn } from './shell/terminal.js';

interface ServiceCommand {
  readonly summary: string;
  readonly about: string;
  readonly make: Make;
}

/** Loads the service, and no other: each of them has its own dependencies. */
type Make = (env: Environment, output: LogOutput) => Promise<ServiceProcess>;

type ServiceName = 'producer' | 'consumer' | 'dashboard';

/** One service of the pipeline as a process of its own. */
const SERVICES: Readonly<Record<ServiceName, ServiceCommand>> = {
  producer: {
    summary: 'run a producer alone',
    about: 'Polls the endpoints, and publishes to your RabbitMQ. Several producers share the endpoints.',
    make: async (env, output) => (await import('@tributary/producer')).producerProcess(env, output),
  },
  consumer: {
    summary: 'run a consumer alone',
    about: 'Takes records from the queues, and writes each exactly once. Run as many as you like.',
    make: async (env, output) => (await import('@tributary/consumer')).consumerProcess(env, output),
  },
  dashboard: {
    summary: 'run the dashboard alone',
    about: 'Shows what flows and what has landed.',
    make: async (env, output) => {
      const { dashboardProcess } = await import('@tributary/dashboard');
      // Loaded when a person looks at an API, and not before: the dashboard needs nothing else of the producer.
      return dashboardProcess(env, output, async (input, signal) =>
        (await import('@tributary/producer')).discoverInThread(input, signal),
      );
    },
  },
};

export const serviceCommands = (context: Context): CommandUnknownOpts[] => [
  ...(Object.keys(SERVICES) as ServiceName[]).map((name) => serviceCommand(context, name)),
  mockApiCommand(context),
];

function serviceCommand(context: Context, name: ServiceName): CommandUnknownOpts {
  const { summary, about, make } = SERVICES[name];
  return withEnvironment(createCommand(context, name, summary, about), variablesOf(name))
    .addOption(configOption(context))
    .action(async ({ config }) => {
      await run(context, make, { ...context.env, PIPELINE: config });
      tellFile(context, config);
    });
}

/** It has no pipeline. */
function mockApiCommand(context: Context): CommandUnknownOpts {
  const about = 'Serves a CRM to poll: customers and products that change as you watch, and misbehave when told to.';
  const command = createCommand(context, 'mock-api', 'run the mock CRM alone', about);
  return withEnvironment(command, variablesOf('mock-api')).action(() => run(context, makeMockApi, context.env));
}

const makeMockApi: Make = async (env, output) => (await import('@tributary/mock-api')).mockApiProcess(env, output);

async function run(context: Context, make: Make, env: Environment): Promise<void> {
  const { terminal } = context;
  const { service, log } = await make(
    env,
    logOn(terminal, (line) => terminal.write(line)),
  );
  await context.run(service, log);
}
