/** The records that the CRM begins with were last changed one second after the other, from this time on. */
const FIRST = Date.UTC(2024, 0, 1);

/** So that at the start this many of the first records are too old, and one more each second, unless it has changed. */
const keptBut = (records: number): string => `${Math.floor((Date.now() - FIRST) / 1_000) - records}s`;

/** How long records are kept in a run with `--privacy`. */
export const retentionFor = (entities: readonly string[]): object => ({
  rows: Object.fromEntries(entities.map((name) => [name, keptBut(name === 'customer' ? 500 : 40)])),
});

/** Fewer changes than usual: a record that changes is not too old. */
export const FEWER_CHANGES = { MOCK_CHANGES_PER_SECOND: '20' };
