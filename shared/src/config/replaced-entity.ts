import { type Document, isMap, LineCounter, type Node, parseDocument, stringify } from 'yaml';
import { describeError } from '../errors.js';
import { ConfigError } from './fault.js';

/** A pipeline file with one of its entities defined anew. */
export interface ReplacedEntity {
  /** The whole file. */
  readonly text: string;
  /** What stands in it for the entity, from `entities:` on. */
  readonly definition: string;
}

/**
 * Puts another definition of an entity into a pipeline file; nothing is checked but that it is a mapping.
 *
 * @param definition YAML: the entity's own settings, or with its name or `entities:` above them; the file's own if undefined
 * @throws ConfigError if the definition cannot be read
 */
export function replaceEntity(text: string, entity: string, definition: string | undefined): ReplacedEntity {
  const file = parseDocument(text);
  const place = ['entities', entity];
  try {
    if (definition === undefined) {
      const own = file.getIn(place, true) as Node | undefined;
      return { text, definition: written(entity, own, file) };
    }
    const given = settingsIn(definition, entity);
    file.setIn(place, given);
    return { text: String(file), definition: written(entity, given, file) };
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw unreadable(entity, describeError(error));
  }
}

function settingsIn(definition: string, entity: string): Node {
  const lines = new LineCounter();
  const document = parseDocument(definition, { lineCounter: lines, prettyErrors: false });
  const [wrong] = document.errors;
  if (wrong !== undefined) throw unreadable(entity, `line ${lines.linePos(wrong.pos[0]).line}: ${wrong.message}`);
  let found: unknown = document.contents;
  for (const name of ['entities', entity]) {
    if (isMap(found) && found.has(name) && !found.has('fields')) found = found.get(name, true);
  }
  if (isMap(found)) return found;
  throw unreadable(entity, `expected its settings: dataset, queue, key, fields`);
}

/** With names for what stands elsewhere in the file, it can only be written as what they stand for. */
function written(entity: string, settings: Node | undefined, file: Document): string {
  const shown = (what: unknown) => stringify({ entities: { [entity]: what } }, { lineWidth: 140 });
  try {
    return shown(settings);
  } catch {
    return shown(settings?.toJS(file));
  }
}

const unreadable = (entity: string, message: string) =>
  new ConfigError('the definition', [{ path: `entities.${entity}`, message }]);
