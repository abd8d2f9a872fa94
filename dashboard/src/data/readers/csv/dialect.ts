import type { Dialect } from '../query/dialect.js';

/** How DuckDB is asked for the rows of a {@link Table}. */
export const DUCKDB: Dialect = {
  binary: (text) => text,
  // DuckDB's library takes a byte order mark at the beginning of a text for none of its characters, and leaves it out.
  fetched: (text) => `CASE WHEN starts_with(${text}, chr(65279)) THEN chr(65279) || ${text} ELSE ${text} END`,
  bytes: (text) => `strlen(${text})`,
  units: (text) => `length(regexp_replace(${text}, '[\\x{10000}-\\x{10FFFF}]', '--', 'g'))`,
  different: (text) => `approx_count_distinct(${text})`,
  contains: (text, part, parameters) => `contains(lower(${text}), lower(${parameters.add(part)}))`,
  search: (words, _columns, parameters) => words.map((word) => `contains(searched, lower(${parameters.add(word)}))`),
  since: (filter) => `epoch_ms(min(written) FILTER (WHERE ${filter}))`,
};
