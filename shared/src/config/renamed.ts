import { isMapping } from '../records/own-value.js';

/** Settings that have another name now, by their old path, and the message for a file that still has the old name. */
const RENAMED: Readonly<Record<string, (value: unknown) => string>> = {
  merge(value) {
    const dataset = isMapping(value) && typeof value.dataset === 'string' ? value.dataset : 'DATASET';
    return `is called merges now, and names its dataset: write merges: { ${dataset}: { each: ..., with: ..., columns: ... } }`;
  },
};

/** The message for a setting that was renamed; undefined for any other. */
export const describeRenamed = (path: string, value: unknown): string | undefined =>
  Object.hasOwn(RENAMED, path) ? RENAMED[path]?.(value) : undefined;

/** Settings of a form that is gone, by a pattern of their path: the message for one that still has it, undefined for any other. */
const FORMER: readonly (readonly [
  path: RegExp,
  describe: (value: Readonly<Record<string, unknown>>) => string | undefined,
])[] = [
  [
    /^merges\.[^.]+\.columns\.[^.]+$/,
    ({ multiply, atLeast, decimals = 2 }) => {
      if (Array.isArray(multiply))
        return `multiply is an expression now: write { type: number, decimals: ${decimals}, value: "${multiply.join(' * ')}" }, with double(x) for an integer beside a number, and type: decimal where one of them is a decimal`;
      if (Array.isArray(atLeast))
        return `atLeast is an expression now: write { type: boolean, value: "${atLeast.join(' >= ')}" }`;
      return undefined;
    },
  ],
];

/** The message for a value that has a form of before; undefined for any other. */
export function describeFormer(path: string, value: unknown): string | undefined {
  if (!isMapping(value)) return undefined;
  for (const [pattern, describe] of FORMER) if (pattern.test(path)) return describe(value);
  return undefined;
}
