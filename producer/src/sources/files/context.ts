import type { EndpointFrom } from '../../endpoint.js';
import { CONTEXT, Unreadable } from '../port.js';
import type { FoundFile } from './places/place.js';

/** What records hold of the file that they are from, where a field or an expression asks for it. */
export interface Context {
  add(records: readonly unknown[], numbers: readonly number[], file: FoundFile): void;
}

export function contextOf({ entity, config }: EndpointFrom<'files'>): Context {
  const asked = JSON.stringify([entity.config.fields, config.map, config.where, config.deletes?.when]);
  const [file, line, modified] = [CONTEXT.file, CONTEXT.line, CONTEXT.modified].map((name) => asked.includes(name));
  if (!file && !line && !modified) return { add: () => {} };
  return {
    add(records, numbers, { name, modified: time }) {
      const when = new Date(time).toISOString();
      for (const [index, record] of records.entries()) {
        if (typeof record !== 'object' || record === null || record instanceof Unreadable || Array.isArray(record))
          continue;
        if (file) Reflect.set(record, CONTEXT.file, name);
        if (line) Reflect.set(record, CONTEXT.line, numbers[index]);
        if (modified) Reflect.set(record, CONTEXT.modified, when);
      }
    },
  };
}
