import { createLogger, type Logger, printableJson, readInstance } from '@tributary/shared';
import pretty from 'pino-pretty';
import type { Context } from './context.js';
import { logOn } from './terminal.js';

/** Loggers whose lines a person reads, on stderr. Warnings and errors alone are told unless LOG_LEVEL asks for more. */
export function personLogger({ env, terminal }: Context): (service: string) => Logger {
  // One line after the other, with no stream between: what is logged last is told also if the process ends then.
  const format = pretty.prettyFactory({
    colorize: terminal.isErrorScreen,
    translateTime: 'SYS:HH:MM:ss',
    ignore: 'pid,hostname,instance,service',
    messageFormat: '{service}: {msg}',
    singleLine: true,
  });
  const lines = logOn(terminal, (line) => terminal.paint(format(printableJson(line))));
  const instance = readInstance(env);
  return (service) => createLogger({ service, instance, level: env.LOG_LEVEL, usual: 'warn' }, lines);
}
