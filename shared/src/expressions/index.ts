export type { Quick } from './arithmetic.js';
export { ExactDecimal } from './decimal.js';
export {
  compileExpression,
  type Expression,
  ExpressionError,
  type ValueType,
  type Variable,
  type Variables,
} from './expression.js';
export {
  fieldsBefore,
  fromExpression,
  RAW,
  toExpression,
  valueTypesFor,
  variablesOf,
  variablesOfRecords,
} from './fields.js';
