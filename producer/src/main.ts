import { FatalError, readServiceSettings, runMain, warnOfDevelopmentCredentials } from '@tributary/shared';
import { createProducer } from './service.js';
import { proxiesOf } from './sources/rest/dispatchers.js';

// `npm run producer`: the producer as a process of its own, beside a RabbitMQ and a Redis that run already.
try {
  const settings = readServiceSettings('producer', 8081, process.env);
  warnOfDevelopmentCredentials(process.env, settings.log);
  const adminToken = process.env.ADMIN_TOKEN || undefined;
  const proxies = proxiesOf(process.env);
  await runMain(createProducer({ ...settings, adminToken, proxies, schedule: true }), settings.log);
} catch (error) {
  if (!(error instanceof FatalError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
