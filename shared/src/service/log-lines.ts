import type { Logger } from 'pino';
import { printable } from './safe-text.js';

/** A line of the log about one endpoint, as a person reads it. */
export interface LogLine {
  /** ISO 8601 in UTC. */
  readonly at: string;
  readonly level: string;
  readonly text: string;
}

/** Lines of each endpoint, and endpoints: at most so many. */
const KEPT = 100;
const MOST_ENDPOINTS = 2_000;
/** Characters of a line. */
const LONGEST = 1_000;
/** What every line has, or what it is filed by. */
const USUAL: ReadonlySet<string> = new Set([
  'level',
  'time',
  'service',
  'instance',
  'endpoint',
  'msg',
  'reason',
  'err',
  'trace_id',
  'span_id',
]);

const kept = new WeakMap<Logger, LogLines>();

/** Keeps the newest lines that a log writes about each endpoint. They are the lines as they are written: without secrets. */
export class LogLines {
  readonly #lines = new Map<string, LogLine[]>();

  /** @param line JSON, as it is written */
  take(line: string): void {
    if (!line.includes('"endpoint":"')) return;
    const read = parse(line);
    const { endpoint, time, level } = read;
    if (typeof endpoint !== 'string') return;
    const lines = this.#lines.get(endpoint) ?? [];
    if (lines.length === 0 && this.#lines.size >= MOST_ENDPOINTS) return;
    lines.push({ at: String(time), level: String(level), text: textOf(read) });
    if (lines.length > KEPT) lines.shift();
    this.#lines.set(endpoint, lines);
  }

  /** The oldest first. */
  of(endpoint: string): readonly LogLine[] {
    return this.#lines.get(endpoint) ?? [];
  }
}

/** Keeps the lines of a log, from now on. */
export function keepLines(log: Logger, lines: LogLines): void {
  kept.set(log, lines);
}

/** The newest lines of a log about an endpoint, the oldest first. */
export const linesOf = (log: Logger, endpoint: string): readonly LogLine[] => kept.get(log)?.of(endpoint) ?? [];

function parse(line: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(line) as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
}

/** `the poll failed: the API answered 503 (run 7, published 0)` */
function textOf({ msg, reason, ...rest }: Readonly<Record<string, unknown>>): string {
  const more = Object.entries(rest).flatMap(([name, value]) =>
    USUAL.has(name) || value === null || typeof value === 'object' ? [] : [`${name} ${String(value)}`],
  );
  const why = reason === undefined ? '' : `: ${String(reason)}`;
  // JSON.parse makes characters again of what was written as their codes.
  const text = printable(`${String(msg ?? '')}${why}${more.length === 0 ? '' : ` (${more.join(', ')})`}`);
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST).toWellFormed()}…`;
}
