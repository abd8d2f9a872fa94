import { hostname } from 'node:os';
import {
  createLogger,
  describeError,
  type Logger,
  runMain,
  type Service,
  sinkWords,
  systemClock,
} from '@tributary/shared';
import pretty from 'pino-pretty';
import { type Pipeline, startPipeline } from '../library/pipeline.js';
import { readArguments, USAGE } from './arguments.js';
import { showFlow } from './live.js';
import { describeSummary, farewell, welcome } from './tell.js';

// `npm start`: the whole pipeline in this process. Logs go to stderr, so that stdout holds what was asked for.
const lines = pretty({
  ...{ destination: 2, sync: true, colorize: process.stderr.isTTY === true, translateTime: 'SYS:HH:MM:ss' },
  ...{ ignore: 'pid,hostname,instance,service', messageFormat: '{service}: {msg}', singleLine: true },
});
const instance = process.env.INSTANCE_ID || hostname();
const logger = (service: string): Logger =>
  createLogger({ service, instance, level: process.env.LOG_LEVEL || 'warn' }, lines);

try {
  const asked = readArguments(process.argv.slice(2), process.env.PIPELINE || 'pipeline.yaml');
  if (asked.help) process.stdout.write(USAGE);
  else if (asked.once) await once(asked);
  else await runMain(forever(await start(asked)), logger('tributary'));
} catch (error) {
  process.stderr.write(`${describeError(error)}\n`);
  process.exit(1);
}

async function once(asked: ReturnType<typeof readArguments>): Promise<void> {
  const pipeline = await start(asked);
  const summary = await pipeline.once().finally(() => pipeline.stop());
  process.stdout.write(asked.json ? `${JSON.stringify(summary)}\n` : describeSummary(summary));
  if (summary.endpoints.some(({ error }) => error !== undefined)) process.exitCode = 1;
}

/** The pipeline as it runs until somebody stops it. */
function forever(pipeline: Pipeline): Service {
  const ended = new AbortController();
  return {
    async start() {
      process.stdout.write(`\n${welcome(pipeline)}\n`);
      void showFlow(pipeline, process.stdout, systemClock, ended.signal);
    },
    async stop() {
      ended.abort();
      await pipeline.stop();
      process.stdout.write(`${farewell(await pipeline.figures(), sinkWords(pipeline.config.sink).place)}\n`);
    },
  };
}

function start(asked: ReturnType<typeof readArguments>): Promise<Pipeline> {
  return startPipeline({
    config: asked.config,
    output: asked.output,
    schedule: !asked.once,
    env: process.env,
    logger,
    onLost: ({ message }) => {
      logger('tributary').fatal(
        { reason: message },
        'the broker in memory has died; start again: what was written is not written twice',
      );
      process.exit(1);
    },
  });
}
