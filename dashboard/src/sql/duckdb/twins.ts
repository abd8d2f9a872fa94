/** DuckDB takes names that differ in the case of their letters for one: of these the first. */
export function withoutTwins<T extends { readonly name: string }>(columns: readonly T[]): T[] {
  const taken = new Set<string>();
  return columns.filter(({ name }) => {
    const isTaken = taken.has(name.toLowerCase());
    taken.add(name.toLowerCase());
    return !isTaken;
  });
}
