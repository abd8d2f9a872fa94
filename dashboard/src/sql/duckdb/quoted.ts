/** A text as it stands in a statement of DuckDB, in which nothing but the quote has a meaning. */
export const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;
