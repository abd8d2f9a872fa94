/** A text as it stands in a statement of DuckDB or of Postgres, in which nothing but the quote has a meaning. */
export const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;
/** A name there, whatever it holds. */
export const quotedName = (name: string): string => `"${name.replaceAll('"', '""')}"`;
