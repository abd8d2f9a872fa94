import { type DestinationStream, type Logger, pino } from 'pino';
import { FatalError } from '../errors.js';
import { activeSpan } from '../telemetry/active.js';
import { keepLines, LogLines } from './log-lines.js';
import { stdoutLog } from './log-output.js';
import { printable, withoutPasswords } from './safe-text.js';

export type { DestinationStream as LogOutput, Logger } from 'pino';

const LEVELS: readonly string[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

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
 * A JSON logger whose lines carry the service and the instance.
 *
 * @param destination where lines go; stdout unless given (`npm start` with --json logs to stderr)
 * @throws FatalError for a level that does not exist
 */
export function createLogger(
  options: { service: string; instance: string; level?: string | undefined },
  destination?: DestinationStream,
): Logger {
  const level = options.level || 'info';
  if (!LEVELS.includes(level)) {
    throw new FatalError('settings_invalid', `LOG_LEVEL: expected one of ${LEVELS.join(', ')}, found "${level}"`);
  }
  const lines = new LogLines();
  const settings = {
    level,
    base: { service: options.service, instance: options.instance },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: SECRET_PATHS, censor: '[secret]' },
    // Errors of libraries hold URLs with passwords, and texts from outside hold what a terminal obeys.
    // Lines about traced work carry its ids.
    mixin: () => ({ ...activeSpan()?.ids }),
    hooks: {
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
