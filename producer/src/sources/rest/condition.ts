import { BODY_VARIABLES, compileExpression, compilePath, ExactNumber, isMapping } from '@tributary/shared';

/** Whether something holds of a body. */
export type Condition = (body: unknown) => boolean;

/**
 * A condition of the settings: a path, which holds where there is something at its end, or a CEL expression over `body`. An
 * expression that fails on a body, since it lacks what is compared, does not hold.
 */
export function compileCondition(text: string): Condition {
  if (text.startsWith('$')) {
    const { read } = compilePath(text);
    return (body) => isSomething(read(body));
  }
  const expression = compileExpression(text, BODY_VARIABLES, ['bool']);
  return (body) => {
    try {
      return expression.evaluate({ body }) === true;
    } catch {
      return false;
    }
  };
}

/** APIs say "no" and "nothing" in all these ways. */
export function isSomething(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === 0) return false;
  if (typeof value === 'string') return !['', '0', 'false', 'no'].includes(value.toLowerCase());
  if (Array.isArray(value)) return value.length > 0;
  return value instanceof ExactNumber || !isMapping(value) || Object.keys(value).length > 0;
}
