import { compilePattern } from '@tributary/shared';
import type { Settings } from '../guess.js';

/** A version as it is written into a request, and the least that may come then: a form that holds less than the version cuts it. */
export function writtenVersion(version: string, { format, zone }: Settings, type: string) {
  if (type !== 'datetime') return { written: version, from: version };
  const milliseconds = Date.parse(version);
  const floor = (unit: number) => new Date(Math.floor(milliseconds / unit) * unit).toISOString();
  const day = 86_400_000;
  if (format === undefined || format === 'iso') return { written: new Date(milliseconds).toISOString(), from: version };
  if (format === 'date') return { written: version.slice(0, 10), from: floor(day) };
  if (format === 'unix') return { written: Math.floor(milliseconds / 1_000), from: floor(1_000) };
  if (format === 'unix-ms') return { written: milliseconds, from: version };
  const text = String(format);
  const unit = /s/.test(text) ? 1_000 : /m/.test(text) ? 60_000 : /[Hh]/.test(text) ? 3_600_000 : day;
  return {
    written: compilePattern(text, typeof zone === 'string' ? zone : undefined).write(milliseconds),
    from: floor(unit),
  };
}
