import type { Fault } from './fault.js';
import { type Issue, issuesOf, PARSE_OPTIONS, valueAtPath } from './issues.js';
import { type PipelineConfig, pipelineSchema } from './schema.js';

type Path = readonly PropertyKey[];

/** A file whose faults hide further faults more often than this shows the rest once these are mended. */
const ATTEMPTS = 8;

/** What replaces a faulty setting that is required. Faults about a stand-in are not shown. */
const STAND_INS: Readonly<Record<string, unknown>> = {
  dataset: 'stand_in',
  queue: 'stand_in',
  key: 'stand-in',
  fields: {},
  url: 'http://stand-in.invalid',
  tokenUrl: 'http://stand-in.invalid',
  entity: 'stand-in',
  each: { entity: 'stand-in', lines: 'stand-in' },
  with: { entity: 'stand-in', on: 'stand-in' },
  lines: 'stand-in',
  on: 'stand-in',
  columns: {},
  sender: { type: 'none' },
  secret: 'stand-in',
  verifyToken: 'stand-in',
  header: 'stand-in',
  username: 'stand-in',
  server: 'smtp://stand-in.invalid',
  olderThan: '1h',
  service: 'producer',
};

/**
 * The faults between the parts of a file that the schema refuses. What it refuses is removed, or replaced by something
 * that it accepts, piece by piece, until the rest passes. What the schema refuses only then is told too: it looks at some things once all
 * around them is right. Faults that exist only because of these changes are left out.
 */
export function crossCheckRest(
  raw: unknown,
  issues: readonly Issue[],
  tell: (issue: Issue) => readonly Fault[],
  check: (config: PipelineConfig) => readonly Fault[],
): Fault[] {
  const hidden: Fault[] = [];
  const rest: unknown = structuredClone(raw);
  const removed = new Set<string>();
  let found = issues;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    for (const issue of found) for (const path of placesOf(issue)) repair(rest, path, removed);
    const parsed = pipelineSchema.safeParse(rest, PARSE_OPTIONS);
    if (parsed.success) return [...hidden, ...check(parsed.data).filter((fault) => !isAboutRemoved(fault, removed))];
    found = issuesOf(parsed.error);
    hidden.push(...found.filter(({ path }) => !isByRepair(path, removed)).flatMap(tell));
  }
  return hidden;
}

/** Whether something was removed there, below or above it: then that may be what is wrong now. */
function isByRepair(path: Path, removed: ReadonlySet<string>): boolean {
  const place = path.map(String).join('.');
  return place === '' || [...removed].some((one) => `${one}.`.startsWith(`${place}.`) || place.startsWith(`${one}.`));
}

/** An unknown setting is an issue of the mapping that holds it; only the setting itself is removed. */
const placesOf = ({ path, keys }: Issue): Path[] => (keys === undefined ? [path] : keys.map((key) => [...path, key]));

/** Removes what lies at the path, or puts a stand-in there. Where neither is possible, the mapping that holds it is removed. */
function repair(root: unknown, path: Path, removed: Set<string>): void {
  for (let length = path.length; length > 0; length--) {
    const holder = valueAtPath(root, path.slice(0, length - 1));
    const last = path[length - 1];
    if (last === undefined || holder === null || typeof holder !== 'object') continue;
    const place = path.slice(0, length).map(String).join('.');
    const standIn = standInFor(path.slice(0, length));
    if (standIn !== undefined && !removed.has(place)) Reflect.set(holder, last, structuredClone(standIn));
    else if (Object.hasOwn(holder, last)) Reflect.deleteProperty(holder, last);
    else continue;
    removed.add(place);
    return;
  }
}

function standInFor(path: Path): unknown {
  // A field of an unknown type still exists, and other parts may name it. An integer is right wherever a field is expected.
  if (path[0] === 'entities' && path.length >= 4 && ['fields', 'items'].includes(String(path.at(-2)))) return 'integer';
  const name = String(path.at(-1));
  return Object.hasOwn(STAND_INS, name) ? STAND_INS[name] : undefined;
}

/** `entities.post.key: no field "id"` is no fault of the file if that field, or its whole entity, was removed here. */
function isAboutRemoved({ path, message, about }: Fault, removed: ReadonlySet<string>): boolean {
  const places = [...removed];
  if (message.includes('stand-in') || places.some((place) => path === place || path.startsWith(`${place}.`)))
    return true;
  // The URL that was removed may have had this host.
  if (path.startsWith('limits.hosts.') && places.some((place) => /url$/i.test(place))) return true;
  const name = about?.split('.').at(-1);
  return name !== undefined && places.some((place) => place.split('.').includes(name));
}
