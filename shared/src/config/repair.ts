import type { Fault } from './cross-check.js';
import { crossCheck } from './cross-check.js';
import { pipelineSchema } from './schema.js';

type Path = readonly PropertyKey[];

/** A file with more layers of faults than this is told the rest when these are mended. */
const ATTEMPTS = 8;

/**
 * The faults between the parts of a file whose parts are faulty themselves. What the schema refuses is taken out, piece by
 * piece, until the rest passes; names that then lead nowhere because their target was taken out are not told.
 */
export function crossCheckRest(raw: unknown, issues: readonly { readonly path: Path }[]): Fault[] {
  const rest: unknown = structuredClone(raw);
  const removed = new Set<string>();
  let paths = issues.map(({ path }) => path);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    for (const path of paths) remove(rest, path, removed);
    const parsed = pipelineSchema.safeParse(rest);
    if (parsed.success) {
      return crossCheck(parsed.data).filter(({ path, message }) => !tellsOfRemoved(path, message, removed));
    }
    paths = parsed.error.issues.map(({ path }) => path);
  }
  return [];
}

/** Takes out what lies at the path, or, where nothing lies there, whatever lacks it. */
function remove(root: unknown, path: Path, removed: Set<string>): void {
  for (let length = path.length; length > 0; length--) {
    let holder: unknown = root;
    for (const step of path.slice(0, length - 1)) holder = (holder as Record<PropertyKey, unknown> | undefined)?.[step];
    const last = path[length - 1];
    if (last === undefined || holder === null || typeof holder !== 'object' || !Object.hasOwn(holder, last)) continue;
    Reflect.deleteProperty(holder, last);
    removed.add(path.slice(0, length).map(String).join('.'));
    return;
  }
}

/** `entities.post.key: no field "id"` says nothing if that very field, or its whole entity, was taken out. */
function tellsOfRemoved(path: string, message: string, removed: ReadonlySet<string>): boolean {
  if (removed.has(path)) return true;
  const missing = /no (?:field|entity) "([^"]+)"|has no "([^"]+)"|^"([^"]+)" (?:does not|must be)/.exec(message);
  const name = missing
    ?.slice(1)
    .find((text) => text !== undefined)
    ?.split('.')
    .at(-1);
  return name !== undefined && [...removed].some((one) => one.split('.').includes(name));
}
