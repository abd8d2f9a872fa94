import { compilePath, ExactNumber, isMapping } from '@tributary/shared';

/** Whether something holds of a body. */
export type Condition = (body: unknown) => boolean;

/** A condition of the settings: a path, which holds where there is something at its end. */
export function compileCondition(text: string): Condition {
  const { read } = compilePath(text);
  return (body) => isSomething(read(body));
}

/** APIs say "no" and "nothing" in all these ways. */
function isSomething(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === 0) return false;
  if (typeof value === 'string') return !['', '0', 'false', 'no'].includes(value.toLowerCase());
  if (Array.isArray(value)) return value.length > 0;
  return value instanceof ExactNumber || !isMapping(value) || Object.keys(value).length > 0;
}
