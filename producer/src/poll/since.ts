import { compilePattern } from '@tributary/shared';
import type { Endpoint } from '../endpoint.js';

/** A version as it is written into a request. */
export type WrittenVersion = string | number;

/** How a moment, in milliseconds since 1970, is written; anything else is a pattern such as `yyyy-MM-dd HH:mm`. */
const FORMS: Readonly<Record<string, (milliseconds: number) => WrittenVersion>> = {
  iso: (milliseconds) => new Date(milliseconds).toISOString(),
  date: (milliseconds) => new Date(milliseconds).toISOString().slice(0, 10),
  unix: (milliseconds) => Math.floor(milliseconds / 1_000),
  'unix-ms': (milliseconds) => milliseconds,
};

/**
 * Writes a version as the API asks for it. A form that holds less than the version (a date, say) cuts it, so that more
 * comes than is asked for, and nothing is missed.
 *
 * @returns writes a version as marks hold it: ISO 8601 for a time, digits for a number, text as it is
 */
export function versionWriter({ config, entity }: Endpoint): (version: string) => WrittenVersion {
  const { format = 'iso' } = config.incremental ?? {};
  const type = entity.config.fields[entity.config.version ?? '']?.type;
  if (type !== 'datetime') return (version) => version;
  const form = Object.hasOwn(FORMS, format) ? FORMS[format] : undefined;
  const write = form ?? patternWriter(format);
  return (version) => {
    const milliseconds = Date.parse(version);
    return Number.isNaN(milliseconds) ? version : write(milliseconds);
  };
}

function patternWriter(format: string): (milliseconds: number) => string {
  const pattern = compilePattern(format);
  return (milliseconds) => pattern.write(milliseconds);
}
