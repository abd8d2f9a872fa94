/** A sale as the test knows it: money in cents, weight in thousandths, the hour since some midnight in Berlin. */
export interface Sale {
  readonly shop: string;
  readonly cents: number | undefined;
  readonly grams: number | undefined;
  readonly units: number | undefined;
  readonly hour: number | undefined;
  readonly buyer: number | undefined;
}

/** Midnight in Berlin, three days before the clocks are put forward there. */
const MIDNIGHT = Date.parse('2026-03-25T23:00:00Z');
/** The moments at which a day begins in Berlin: the fourth has 23 hours. */
const DAYS = [0, 24, 48, 72, 95, 119];
const DATES = ['2026-03-26', '2026-03-27', '2026-03-28', '2026-03-29', '2026-03-30'];

const money = (cents: number): string =>
  `${cents < 0 ? '-' : ''}${Math.floor(Math.abs(cents) / 100)}.${String(Math.abs(cents) % 100).padStart(2, '0')}`;
const momentOf = (hour: number): string => new Date(MIDNIGHT + hour * 3_600_000).toISOString();

export function valuesOf(id: string, { shop, cents, grams, units, hour, buyer }: Sale): Record<string, unknown> {
  return {
    id,
    ...(shop === '' ? {} : { shop }),
    ...(cents === undefined ? {} : { total: money(cents) }),
    ...(grams === undefined ? {} : { weight: grams / 1_000 }),
    ...(units === undefined ? {} : { units }),
    ...(hour === undefined ? {} : { placed: momentOf(hour) }),
    ...(buyer === undefined ? {} : { buyer: `buyer ${buyer}` }),
  };
}

/** What the rows should be, by arithmetic of whole numbers that has nothing in common with the code. */
export function expected(sales: ReadonlyMap<string, Sale>): { by_shop: unknown[]; in_all: unknown[] } {
  const groups = new Map<string, Sale[]>();
  for (const sale of sales.values()) {
    const day = sale.hour === undefined ? -1 : DAYS.filter((begins) => begins <= (sale.hour ?? 0)).length - 1;
    const name = JSON.stringify([sale.shop, day]);
    groups.set(name, [...(groups.get(name) ?? []), sale]);
  }
  const by_shop = [...groups].map(([name, all]) => {
    const [shop, day] = JSON.parse(name) as [string, number];
    const filled = <K extends keyof Sale>(key: K) =>
      all.map((sale) => sale[key]).filter((value): value is Exclude<Sale[K], undefined> => value !== undefined);
    const cents = filled('cents');
    const sum = cents.reduce((a, b) => a + b, 0);
    const hours = filled('hour');
    const thousandths = (sum * 10) / cents.length;
    return {
      ...(shop !== '' && { shop }),
      ...(day >= 0 && { day: DATES[day] }),
      sales: all.length,
      ...(cents.length > 0 && {
        revenue: money(sum),
        mean: (Math.sign(thousandths) * (Math.round(Math.abs(thousandths)) / 1_000))
          .toFixed(3)
          .replace(/^-(0\.0+)$/, '$1'),
        least: money(Math.min(...cents)),
        most: money(Math.max(...cents)),
      }),
      ...(hours.length > 0 && { first: momentOf(Math.min(...hours)) }),
      ...(filled('grams').length > 0 && { weight: filled('grams').reduce((a, b) => a + b, 0) / 1_000 }),
      ...(filled('units').length > 0 && { units: String(filled('units').reduce((a, b) => a + b, 0)) }),
      buyers: new Set(filled('buyer')).size,
    };
  });
  const all = [...sales.values()].flatMap(({ cents }) => cents ?? []);
  const revenue = all.length > 0 && { revenue: money(all.reduce((a, b) => a + b, 0)) };
  return { by_shop, in_all: sales.size === 0 ? [] : [{ sales: sales.size, ...revenue }] };
}
