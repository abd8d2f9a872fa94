/** A type of a value in an expression. `dyn` may be anything, and is judged when the expression is evaluated; a `record` has fields. */
export type ValueType = 'string' | 'int' | 'double' | 'decimal' | 'bool' | 'timestamp' | 'list' | 'record' | 'dyn';

/** What an expression can name. */
export interface Variable {
  readonly type: ValueType;
  /** It may be null. */
  readonly optional: boolean;
  /** Of a record: its fields. An expression can name these alone (`customer.name`), and not the record. */
  readonly fields?: Variables;
}

export type Variables = Readonly<{ [name: string]: Variable }>;
