import { z } from 'zod';
import { COMMON } from '../config/kinds/table.js';
import { pipelineSchema } from '../config/schema.js';

export type Node = z.core.JSONSchema.BaseSchema;

/** The pipeline file's schema, as the page of settings is made from it. */
export const schemaForReading = (): Node =>
  z.toJSONSchema(pipelineSchema, { io: 'input', override: ({ jsonSchema }) => dropSafeIntegers(jsonSchema) });

/** The pipeline file's schema for editors, in draft 7, which every editor knows. */
export function schemaForEditors(): Node {
  const schema = z.toJSONSchema(pipelineSchema, {
    io: 'input',
    target: 'draft-7',
    override({ jsonSchema }) {
      dropSafeIntegers(jsonSchema);
      delete jsonSchema[COMMON];
      if (isSingleValue(jsonSchema)) allowVariable(jsonSchema);
    },
  });
  return { ...schema, title: 'A Tributary pipeline file' };
}

/** The bounds of what JavaScript counts exactly say nothing to a person. */
function dropSafeIntegers(node: Node): void {
  if (node.maximum === Number.MAX_SAFE_INTEGER) delete node.maximum;
  if (node.minimum === Number.MIN_SAFE_INTEGER) delete node.minimum;
}

/** Free text takes a variable as it is. A constant names a kind, by which an editor finds the settings. */
const isSingleValue = ({ type, enum: values, pattern, format }: Node): boolean =>
  ['integer', 'number', 'boolean'].includes(String(type)) ||
  values !== undefined ||
  (type === 'string' && (pattern !== undefined || format !== undefined));

/** Variables, `${NAME}`, are replaced before the file is checked, so one may stand wherever a single value stands. */
function allowVariable(node: Node): void {
  const { description, default: usual, ...value } = node;
  for (const keyword of Object.keys(value)) delete node[keyword];
  node.anyOf = [value, { type: 'string', pattern: '\\$\\{' }];
}
