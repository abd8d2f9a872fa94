/**
 * What APIs call the parameter that asks for changes only, for a column of this name; the usual ones first. They are all asked at once,
 * so that each may do.
 * @param path where the column lies, as `sys.updatedAt`
 */
export function changeParameters(leaf: string, path = leaf): string[] {
  const snake = leaf
    .replaceAll(/([a-z\d])([A-Z])/g, '$1_$2')
    .replaceAll(/[^A-Za-z\d]+/g, '_')
    .toLowerCase();
  const camel = snake.replaceAll(/_([a-z])/g, (_all, letter: string) => letter.toUpperCase());
  const pascal = camel.replace(/^./, (letter) => letter.toUpperCase());
  const stem = snake.replace(/_?(at|time|date|on|timestamp|ts)$/, '') || snake;
  const camelStem = stem.replaceAll(/_([a-z])/g, (_all, letter: string) => letter.toUpperCase());
  const isCamel = leaf !== leaf.toLowerCase();
  const snakes = [
    `${stem}_since`,
    `${stem}_after`,
    `${snake}_min`,
    `${snake}_after`,
    `${snake}_since`,
    `min_${snake}`,
    `${snake}_gte`,
    `${snake}_begin_time`,
    `since_${snake}`,
    `${stem}after`,
    'updated_since',
    'updated_after',
    'modified_since',
    'modified_after',
    'changed_since',
  ];
  const camels = [
    `${camelStem}Since`,
    `${camelStem}After`,
    `${camel}Min`,
    `min${pascal}`,
    `${camel}After`,
    `${leaf}_gte`,
    'updatedSince',
    'updatedAfter',
    'modifiedSince',
    'modifiedFrom',
  ];
  const operators = [
    `${leaf}[gte]`,
    `${leaf}[gt]`,
    `${leaf}__gte`,
    `${leaf}__gt`,
    `${pascal}>`,
    `${pascal}>=`,
    `${leaf}>`,
    ...(path === leaf ? [] : [`${path}[gte]`, `${path}__gte`]),
    `filter[${leaf}][gte]`,
    `filter[${leaf}][_gte]`,
    `filters[${leaf}][$gte]`,
    `${leaf}[$gte]`,
    `filter[${leaf}]`,
    `filter[${stem}_since]`,
    `filter[since]`,
  ];
  const words = [
    'since',
    ...(isCamel
      ? ['changedSince', 'startTime', 'startDate', 'fromDate']
      : ['start_time', 'start_date', 'from_date', 'oldest']),
  ];
  // An API has one style; the other is tried with few names.
  const own = isCamel ? [...camels, ...snakes.slice(0, 3)] : [...snakes, ...camels.slice(0, 3)];
  return [
    ...new Set([
      'since',
      ...own.slice(0, 6),
      ...operators.slice(0, 4),
      ...own.slice(6),
      ...operators.slice(4),
      ...words,
    ]),
  ];
}
