/** A choice in the pipeline file whose kinds are told apart by `type`. */
interface Choice {
  readonly type: string;
}

/** What makes each kind of a choice from the settings of that kind. The compiler names the kinds that are missing. */
export type Makers<Config extends Choice, More extends readonly unknown[], Made> = {
  readonly [K in Config['type']]: (settings: Extract<Config, { readonly type: K }>, ...more: More) => Made;
};

/** Makes the kind that the settings name. */
export function makeKind<Config extends Choice, More extends readonly unknown[], Made>(
  makers: Makers<Config, More, Made>,
  settings: Config,
  ...more: More
): Made {
  const kind: Config['type'] = settings.type;
  // The compiler cannot see that the maker found by a name takes the settings that hold this name.
  const make = makers[kind] as (settings: Config, ...more: More) => Made;
  return make(settings, ...more);
}
