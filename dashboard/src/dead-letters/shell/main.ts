import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { text } from 'node:stream/consumers';
import { createLogger, describeError, FatalError, loadPipeline, ReleaseList, systemClock } from '@tributary/shared';
import { AuditLog } from '../../audit/audit.js';
import { Broker } from '../../broker.js';
import { DEFAULT_AUDIT_LOG } from '../../settings.js';
import { DeadLetters } from '../dead-letters.js';
import { Listing } from '../listing.js';
import { readArguments, type ShellArguments, USAGE } from './arguments.js';
import { run } from './run.js';

/** Milliseconds. */
const CONNECT_TIMEOUT = 10_000;

// `npm run dead-letters -- list|show|replay|discard`
const releases = new ReleaseList();
const stopping = new AbortController();
process.once('SIGINT', () => stopping.abort());
process.once('SIGTERM', () => stopping.abort());
try {
  const asked = readArguments(process.argv.slice(2));
  if (asked === undefined) process.stdout.write(USAGE);
  else await act(asked);
} catch (error) {
  process.stderr.write(`${describeError(error)}\n`);
  process.exitCode = 1;
} finally {
  await releases.release().catch(() => {});
}

async function act(asked: ShellArguments): Promise<void> {
  const { AMQP_URL: urls, PIPELINE, AUDIT_LOG, LOG_LEVEL } = process.env;
  if (!urls)
    throw new FatalError(
      'amqp_url_missing',
      'AMQP_URL is not set; set it to something like amqp://guest:guest@127.0.0.1:5672. ' +
        'Where npm start keeps the queues in memory, its dashboard alone shows the dead letters',
    );
  const config = loadPipeline(asked.config ?? (PIPELINE || 'pipeline.yaml'), process.env);
  const log = createLogger({ service: 'dead-letters', instance: 'shell', level: LOG_LEVEL || 'error' });
  const broker = new Broker({ urls, connectionName: 'tributary dead-letters', log });
  await broker.open();
  releases.add('RabbitMQ connection', () => broker.close());
  const until = Date.now() + CONNECT_TIMEOUT;
  while (!broker.connected && Date.now() < until) await systemClock.sleep(50, stopping.signal);

  const audit = new AuditLog(AUDIT_LOG || DEFAULT_AUDIT_LOG, systemClock);
  releases.add('audit log', () => audit.close());
  const deadLetters = new DeadLetters({ config, broker, audit, clock: systemClock });
  await run(asked, {
    deadLetters,
    listing: new Listing(deadLetters, systemClock),
    // Whoever reaches the broker from a shell may do as they like; the log says who it was.
    actor: { name: userInfo().username, role: 'admin', from: 'shell' },
    readPayload: (file) => (file === '-' ? text(process.stdin) : readFile(file, 'utf8')),
    print: (line) => void process.stdout.write(line),
    signal: stopping.signal,
  });
}
