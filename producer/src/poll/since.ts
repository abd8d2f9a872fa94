import { compilePattern, type IncrementalConfig, readInstantIn, timeZone } from '@tributary/shared';
import type { Endpoint } from '../endpoint.js';

/** A version as it is written into a request. */
export type WrittenVersion = string | number;

type Write = (milliseconds: number) => WrittenVersion;

/** How a moment, in milliseconds since 1970, is written; anything else is a pattern such as `yyyy-MM-dd HH:mm`. */
const FORMS: Readonly<Record<string, (zone: string | undefined) => Write>> = {
  iso: (zone) =>
    zone === undefined ? (milliseconds) => new Date(milliseconds).toISOString() : patternWriter(ISO_WITH_OFFSET, zone),
  date: (zone) => patternWriter('yyyy-MM-dd', zone),
  unix: () => (milliseconds) => Math.floor(milliseconds / 1_000),
  'unix-ms': () => (milliseconds) => milliseconds,
};

const ISO_WITH_OFFSET = "yyyy-MM-dd'T'HH:mm:ss.SSSxxx";

/**
 * Writes a version as the API asks for it. A form that holds less than the version (a date, say) cuts it, so that more
 * comes than is asked for, and nothing is missed.
 *
 * @returns writes a version as marks hold it: ISO 8601 for a time, digits for a number, text as it is
 */
export function versionWriter({ config, entity }: Endpoint): (version: string) => WrittenVersion {
  const incremental: IncrementalConfig = config.incremental ?? {};
  const { format = 'iso', zone } = incremental;
  const type = entity.config.fields[entity.config.version ?? '']?.type;
  if (type !== 'datetime') return (version) => version;
  const form = Object.hasOwn(FORMS, format) ? FORMS[format] : undefined;
  const write = form === undefined ? patternWriter(format, zone) : form(zone);
  return (version) => {
    const milliseconds = Date.parse(version);
    return Number.isNaN(milliseconds) ? version : write(milliseconds);
  };
}

function patternWriter(format: string, zone: string | undefined): Write {
  const pattern = compilePattern(format, zone);
  return (milliseconds) => pattern.write(milliseconds);
}

/** Where the past begins: a time without an offset is by the clock of the zone that times are written in. */
export function initialOf({ initial, zone }: IncrementalConfig): string | undefined {
  if (initial === undefined || zone === undefined) return initial;
  const text = /^\d{4}-\d\d-\d\d$/.test(initial) ? `${initial}T00:00` : initial;
  return readInstantIn(timeZone(zone), text) ?? initial;
}
