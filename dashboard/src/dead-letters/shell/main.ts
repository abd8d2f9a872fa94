import { createLogger, describeError, loadPipeline } from '@tributary/shared';
import { readArguments, USAGE } from './arguments.js';
import { runDeadLetterCommand } from './run.js';

// `npm run dead-letters -- list|show|replay|discard`
const { AMQP_URL, PIPELINE, AUDIT_LOG, LOG_LEVEL } = process.env;
const stopping = new AbortController();
process.once('SIGINT', () => stopping.abort());
process.once('SIGTERM', () => stopping.abort());
try {
  const asked = readArguments(process.argv.slice(2));
  if (asked === undefined) process.stdout.write(USAGE);
  else {
    await runDeadLetterCommand(asked, {
      config: loadPipeline(asked.config ?? (PIPELINE || 'pipeline.yaml'), process.env),
      amqpUrl: AMQP_URL,
      auditLog: AUDIT_LOG,
      log: createLogger({ service: 'dead-letters', instance: 'shell', level: LOG_LEVEL || 'error' }),
      write: (text) => void process.stdout.write(text),
      signal: stopping.signal,
    });
  }
} catch (error) {
  process.stderr.write(`${describeError(error)}\n`);
  process.exitCode = 1;
}
