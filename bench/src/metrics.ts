/**
 * The sum of a metric over all series that have these labels, in Prometheus' text format; 0 if there are none. For a
 * histogram, use the name with `_sum`, `_count` or `_bucket`.
 */
export function sumOf(text: string, name: string, labels: Readonly<Record<string, string>> = {}): number {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  let sum = 0;
  for (const line of text.split('\n')) {
    if (!line.startsWith(`${name}{`) && !line.startsWith(`${name} `)) continue;
    const series = line.slice(name.length, line.lastIndexOf(' '));
    const has = new Set(series.slice(1, -1).split(','));
    if (wanted.every((label) => has.has(label))) sum += Number(line.slice(line.lastIndexOf(' ') + 1));
  }
  return sum;
}
