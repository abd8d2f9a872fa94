import { crossCheck } from './cross-check/cross-check.js';
import type { Fault } from './fault.js';
import { ASKED, type Issue, issuesOf, valueAtPath } from './issues.js';
import { pipelineSchema } from './schema.js';

type Path = readonly PropertyKey[];

/** A file with more layers of faults than this is told the rest when these are mended. */
const ATTEMPTS = 8;

/** Stands where a faulty part would be missed. Nothing that is told of it is told to anybody. */
const STAND_INS: Readonly<Record<string, unknown>> = {
  ...{ dataset: 'stand_in', queue: 'stand_in', key: 'stand-in', fields: {} },
  ...{ url: 'http://stand-in.invalid', tokenUrl: 'http://stand-in.invalid', entity: 'stand-in' },
  ...{ each: { entity: 'stand-in', lines: 'stand-in' }, with: { entity: 'stand-in', on: 'stand-in' } },
  ...{ lines: 'stand-in', on: 'stand-in', columns: {} },
};

/**
 * The faults between the parts of a file whose parts are faulty themselves. What the schema refuses is taken out, or
 * replaced by something that it takes, piece by piece, until the rest passes; what then is wrong only because of that is
 * not told.
 */
export function crossCheckRest(raw: unknown, issues: readonly Issue[]): Fault[] {
  const rest: unknown = structuredClone(raw);
  const removed = new Set<string>();
  let found = issues;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    for (const issue of found) for (const path of placesOf(issue)) repair(rest, path, removed);
    const parsed = pipelineSchema.safeParse(rest, ASKED);
    if (parsed.success) return crossCheck(parsed.data).filter((fault) => !tellsOfRemoved(fault, removed));
    found = issuesOf(parsed.error);
  }
  return [];
}

/** A setting that nobody knows is refused by what holds it, which is not wrong for that. */
const placesOf = ({ path, keys }: Issue): Path[] => (keys === undefined ? [path] : keys.map((key) => [...path, key]));

/** Takes out what lies at the path, or puts a stand-in there; where neither can be, whatever holds it goes. */
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
  // A field of no known type is a field still: other parts may name it. An integer can be all that they ask for.
  if (path[0] === 'entities' && path.length >= 4 && ['fields', 'items'].includes(String(path.at(-2)))) return 'integer';
  return STAND_INS[String(path.at(-1))];
}

/** `entities.post.key: no field "id"` says nothing if that very field, or its whole entity, was taken out. */
function tellsOfRemoved({ path, message }: Fault, removed: ReadonlySet<string>): boolean {
  const places = [...removed];
  if (message.includes('stand-in') || places.some((place) => path === place || path.startsWith(`${place}.`)))
    return true;
  // Any host may be the one of a URL that cannot be read.
  if (path.startsWith('limits.hosts.') && places.some((place) => /url$/i.test(place))) return true;
  const missing = /no (?:field|entity) "([^"]+)"|has no "([^"]+)"|^"([^"]+)" (?:does not|must be)/.exec(message);
  const name = missing?.slice(1).find((text) => text !== undefined);
  return name !== undefined && places.some((place) => place.split('.').includes(name.split('.').at(-1) ?? name));
}
