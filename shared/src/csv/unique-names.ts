/** Pairs of columns that are told; a file with a million of them would fill the log. */
const MOST_TOLD = 20;

/**
 * The names of columns, each once: two columns of one name would hide each other's cells, so the second gets a number. It looks at each
 * name once: where each number was tried from 2 on, a header of half a million equal names kept the process busy for hours.
 *
 * @param where what has the columns, such as `the CSV body has`
 * @param doubts what a person should be told is added here
 */
export function uniqueNames(names: readonly string[], where: string, doubts: string[]): string[] {
  const taken = new Set<string>();
  const next = new Map<string, number>();
  let renamed = 0;
  const unique = names.map((name) => {
    let given = name;
    if (taken.has(name)) {
      let number = next.get(name) ?? 2;
      while (taken.has(`${name}_${number}`)) number += 1;
      next.set(name, number + 1);
      given = `${name}_${number}`;
      renamed += 1;
      if (renamed <= MOST_TOLD) doubts.push(`${where} two columns "${name}"; the second is read as "${given}"`);
    }
    taken.add(given);
    return given;
  });
  if (renamed > MOST_TOLD) doubts.push(`${where} ${renamed} columns whose name another one has; each got a number`);
  return unique;
}
