import { entrySize } from './table-size.js';

/** amqplib encodes the headers of a message in so many bytes at most. */
export const MOST_HEADER_BYTES = 65_536;

/** Bytes of a frame that are neither properties nor headers, rounded up. */
export const FRAME_OVERHEAD = 128;

/** Characters that are left of a text that does not fit. */
const BEGINNING = 200;

/** The bytes of a frame, as amqplib agreed on them with the broker. */
export function frameMaxOf({ connection = {} }: { readonly connection?: object }): number | undefined {
  const { frameMax } = connection as { frameMax?: unknown };
  return typeof frameMax === 'number' && frameMax > 0 ? frameMax : undefined;
}

/**
 * The headers that fit into the room, the small ones first: those of the pipeline's own producers are small.
 * @param cut gets what is left out, in words
 * @param nameOf the name under which a header is kept
 */
export function fittingHeaders(
  headers: Readonly<Record<string, unknown>>,
  room: number,
  cut: string[],
  nameOf: (name: string) => string = (name) => name,
): Record<string, unknown> {
  const kept: [string, unknown][] = [];
  let left = room;
  const sized = Object.entries(headers).map(([name, value]) => ({ name, value, size: entrySize(name, value) }));
  if (Object.getPrototypeOf(headers) !== Object.prototype) cut.push('__proto__ (no header may have this name here)');
  for (const { name, value, size } of sized.sort((a, b) => (a.size ?? 0) - (b.size ?? 0))) {
    const safe = nameOf(name);
    const bytes = size === undefined ? undefined : size + safe.length - name.length;
    if (bytes !== undefined && bytes <= left) {
      kept.push([safe, value]);
      left -= bytes;
      continue;
    }
    cut.push(
      bytes === undefined ? `${name.slice(0, 100)} (cannot be encoded)` : `${name.slice(0, 100)} (${bytes} bytes)`,
    );
    if (typeof value !== 'string' || bytes === undefined) continue;
    const beginning = value.slice(0, BEGINNING);
    const short = entrySize(safe, beginning) ?? left + 1;
    if (short > left) continue;
    kept.push([safe, beginning]);
    left -= short;
  }
  return Object.fromEntries(kept);
}

/** What a letter has no room for, in words of a certain length at most. */
export function tellCut(cut: readonly string[], longest: number): string {
  const most = 8;
  const more = cut.length > most ? `; and ${cut.length - most} more` : '';
  return `a letter has no room for: ${cut.slice(0, most).join('; ')}`.slice(0, longest - more.length - 10) + more;
}
