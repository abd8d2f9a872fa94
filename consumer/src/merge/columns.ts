import { type MergeConfig, ownValue, type Payload } from '@tributary/shared';

/** Reads one value out of what a merged row is made of: a record of either side, or the line. */
type Source = (each: Payload, line: Payload, other: Payload) => unknown;

/** Compiles `columns` of a merge once: which value each column takes from where. */
export function compileColumns(merge: MergeConfig): (each: Payload, line: Payload, other: Payload) => Payload {
  const columns = Object.entries(merge.columns).map(([name, definition]) => ({
    name,
    source: typeof definition === 'string' ? compileSource(merge, definition) : compileDerived(merge, definition),
  }));
  return (each, line, other) => {
    const values: Record<string, unknown> = {};
    for (const { name, source } of columns) {
      const value = source(each, line, other);
      if (value !== undefined) values[name] = value;
    }
    return values;
  };
}

function compileSource(merge: MergeConfig, source: string): Source {
  const [side, field = ''] = source.split('.');
  if (side === 'line') return (_each, line) => ownValue(line, field);
  if (side === merge.each.entity) return (each) => ownValue(each, field);
  return (_each, _line, other) => ownValue(other, field);
}

/** A derived column has a value only if both its sources are numbers. */
function compileDerived(merge: MergeConfig, definition: Exclude<MergeConfig['columns'][string], string>): Source {
  const isProduct = 'multiply' in definition;
  const [first, second] = isProduct ? definition.multiply : definition.atLeast;
  const [leftOf, rightOf] = [compileSource(merge, first), compileSource(merge, second)];
  return (...records) => {
    const [left, right] = [leftOf(...records), rightOf(...records)];
    if (typeof left !== 'number' || typeof right !== 'number') return undefined;
    if (!isProduct) return left >= right;
    const product = Number((left * right).toFixed(definition.decimals));
    return Number.isFinite(product) ? product : undefined;
  };
}
