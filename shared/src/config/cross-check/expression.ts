import { compileExpression, ExpressionError, type ValueType, type Variables } from '../../expressions/expression.js';
import type { Fault } from '../fault.js';

/** @param wanted the types that its value may have */
export function* checkExpression(
  path: string,
  text: string,
  variables: Variables,
  wanted: readonly ValueType[],
): Generator<Fault> {
  try {
    compileExpression(text, variables, wanted);
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    yield { path, message: `"${text}" cannot be evaluated: ${error.message}`, about: error.unknown };
  }
}
