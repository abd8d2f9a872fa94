import { type DestinationStream, type LogFn, type Logger, pino } from 'pino';
import { isMapping } from '../records/own-value.js';
import { activeSpan } from '../telemetry/active.js';
import { levelOf } from './log-level.js';
import { keepLines, LogLines } from './log-lines.js';
import { stdoutLog } from './log-output.js';
import { LogRepeats } from './log-repeats.js';
import { printable, withoutPasswords } from './safe-text.js';

export type { DestinationStream as LogOutput, Logger } from 'pino';

/** pino's numbers of the levels of which repeats are left out. */
const WARN = 40;
const ERROR = 50;

/** Fields that never reach a log line, wherever they are in what is logged. */
const SECRET_PATHS = [
  'authorization',
  'password',
  'token',
  'secret',
  'apiKey',
  'headers',
  '*.authorization',
  '*.password',
  '*.headers',
];

/**
 * A JSON logger whose lines carry the service and the instance. Warnings and errors that repeat are left out, and counted.
 *
 * @param destination where lines go; stdout unless given (`npm start` with --json logs to stderr)
 * @throws FatalError for a level or a service that does not exist
 */
export function createLogger(
  options: {
    service: string;
    instance: string;
    /** As LOG_LEVEL has it. */
    level?: string | undefined;
    /** What counts where that says nothing; info unless given. */
    usual?: string | undefined;
  },
  destination?: DestinationStream,
): Logger {
  const level = levelOf(options.level, options.service, options.usual ?? 'info');
  const lines = new LogLines();
  const repeats = new LogRepeats();
  const settings = {
    level,
    base: { service: options.service, instance: options.instance },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: SECRET_PATHS, censor: '[secret]' },
    // Lines about traced work carry its ids.
    mixin: () => ({ ...activeSpan()?.ids }),
    hooks: {
      logMethod(this: Logger, args: Parameters<LogFn>, method: LogFn, number: number) {
        if (number !== WARN && number !== ERROR) {
          method.apply(this, args);
          return;
        }
        const [fields, msg] = lineOf(args);
        const tell = (repeated: number) =>
          method.apply(this, [{ ...fields, repeated }, `${msg} (${repeated} more times, left out)`]);
        if (repeats.takes(kindOf(number, fields, msg), tell)) method.apply(this, args);
      },
      // Errors of libraries hold URLs with passwords, and texts from outside hold what a terminal obeys.
      streamWrite(line: string) {
        const safe = printable(withoutPasswords(line));
        lines.take(safe);
        return safe;
      },
    },
  };
  const log = pino(settings, destination ?? stdoutLog());
  keepLines(log, lines);
  return log;
}

/** What a line is about. Lines that differ in nothing else, but for numbers in their words, tell the same. */
const ABOUT = ['endpoint', 'entity', 'key', 'field', 'fields', 'dataset', 'queue', 'export', 'code', 'from'] as const;

function lineOf([first, second]: readonly unknown[]): [fields: Readonly<Record<string, unknown>>, msg: string] {
  if (!isMapping(first)) return [{}, String(first)];
  return [Object.fromEntries(ABOUT.flatMap((name) => (name in first ? [[name, first[name]]] : []))), String(second)];
}

const kindOf = (level: number, fields: Readonly<Record<string, unknown>>, msg: string): string =>
  JSON.stringify([level, fields, msg.replaceAll(/\d+/g, '0')]);

/** The user or the password of a URL, decoded; as it is written where it is not encoded, such as `50%off`. */
export function decodeUserInfo(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * The same URL for a library that decodes it: what is not encoded, such as the password in `redis://user:50%off@host`, would make it
 * fail with a bare "URI malformed".
 */
export function encodedUrl(url: string): string {
  const [, scheme, info, rest = ''] = /^([\w.+-]+:\/\/)(?:([^/?#]*)@)?(.*)$/s.exec(url) ?? [];
  if (scheme === undefined) return url;
  const encoded = (part: string) => (isEncoded(part) ? part : encodeURIComponent(part));
  const [user = '', ...passwords] = (info ?? '').split(':');
  const password = passwords.length === 0 ? '' : `:${encoded(passwords.join(':'))}`;
  const place = isEncoded(rest) ? rest : rest.replaceAll(/%(?![0-9a-f]{2})/gi, '%25');
  return `${scheme}${info === undefined ? '' : `${encoded(user)}${password}@`}${place}`;
}

function isEncoded(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/** A URL fit for logs: without its user, password, and the values of its query (they may hold API keys). */
export function redactUrl(url: string): string {
  try {
    const parsed = new URL(url);
    parsed.username = '';
    parsed.password = '';
    for (const name of [...parsed.searchParams.keys()]) parsed.searchParams.set(name, '...');
    return parsed.toString();
  } catch {
    return '(not a URL)';
  }
}
