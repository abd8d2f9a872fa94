/**
 * What an entity does with fields that it does not declare: `tell` says once which they are, `keep` puts them into one column
 * of JSON, `refuse` makes dead letters of their records.
 */
export const UNKNOWN_FIELDS_KINDS = ['tell', 'keep', 'refuse'] as const;

/** The column, and the place in a canonical record, that holds fields that are not declared, by their names. */
export const UNKNOWN_FIELDS = 'unknown_fields';
