/**
 * V8 keeps an object that grows by so many names as a dictionary, which takes five times the memory and costs three times as much to
 * make, to read and to write as JSON. An object that JSON.parse has made is none, and neither is a copy of it.
 */
const LARGE = 16;

/** Of the fields of an entity, some are often absent, in a few combinations. */
const MOST_FORMS = 100;

/**
 * Makes objects with these names, compiled once. A name whose value is undefined is left out; the others stand in the order that is
 * given.
 */
export function compileObject(names: readonly string[]): (values: readonly unknown[]) => Record<string, unknown> {
  // A name that every object has would be found there as well, or, as __proto__, not be kept.
  if (names.some((name) => name in Object.prototype)) return (values) => fill(Object.create(null), names, values);
  if (names.length <= LARGE) return (values) => fill({}, names, values);
  const forms = new Map<string, Readonly<Record<string, unknown>>>();
  return (values) => {
    const absent = absentIn(values);
    let form = forms.get(absent);
    if (form === undefined && forms.size < MOST_FORMS) {
      const present = names.filter((_, at) => values[at] !== undefined);
      form = JSON.parse(`{${present.map((name) => `${JSON.stringify(name)}:0`).join()}}`) as Record<string, unknown>;
      forms.set(absent, form);
    }
    return fill({ ...form }, names, values);
  };
}

/** Names a combination of absent values. */
function absentIn(values: readonly unknown[]): string {
  let absent = '';
  for (let at = 0; at < values.length; at++) if (values[at] === undefined) absent += `${at} `;
  return absent;
}

function fill(made: Record<string, unknown>, names: readonly string[], values: readonly unknown[]) {
  let at = 0;
  for (const name of names) {
    const value = values[at++];
    if (value !== undefined) made[name] = value;
  }
  return made;
}
