import { z } from 'zod';
import { compileExpression, ExpressionError, type Variables } from '../expressions/expression.js';
import { pathFault } from './values.js';

/** What an expression over a body can name. */
export const BODY_VARIABLES: Variables = { body: { type: 'dyn', optional: true } };

const EXPECTED = 'expected a path such as $.has_more, or a CEL expression over body such as body.ok == false';

/** What may hold of a body: a path at whose end there is something, or an expression. */
export const conditionSchema = z.string({ error: EXPECTED }).check(({ value, issues }) => {
  const fault = value.startsWith('$') ? pathFault(value) : expressionFault(value);
  if (fault !== undefined) issues.push({ code: 'custom', input: value, message: fault });
});

function expressionFault(text: string): string | undefined {
  try {
    compileExpression(text, BODY_VARIABLES, ['bool']);
    return undefined;
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    return `${EXPECTED}; ${error.message}`;
  }
}
