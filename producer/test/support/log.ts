import { createLogger, type Logger } from '@tributary/shared';

export interface Line {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** A logger of the real kind whose lines can be read. */
export function recordingLog(): { log: Logger; lines: Line[]; text(): string } {
  const lines: Line[] = [];
  const log = createLogger(
    { service: 'producer', instance: 'test', level: 'debug' },
    { write: (line: string) => void lines.push(JSON.parse(line) as Line) },
  );
  return { log, lines, text: () => lines.map((line) => JSON.stringify(line)).join('\n') };
}
