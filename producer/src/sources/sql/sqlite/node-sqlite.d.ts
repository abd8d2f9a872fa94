/** What is used of Node's SQLite: the types of Node 20, for which this is compiled, do not have it yet. */
declare module 'node:sqlite' {
  type SqliteValue = string | Uint8Array | bigint | number | null;

  class StatementSync {
    setReturnArrays(enabled: boolean): void;
    setReadBigInts(enabled: boolean): void;
    columns(): { readonly name: string; readonly type: string | null }[];
    all(...values: readonly SqliteValue[]): unknown[];
  }

  class DatabaseSync {
    constructor(path: string, options: { readonly readOnly: boolean; readonly timeout: number });
    prepare(text: string): StatementSync;
  }
}
