/** Makes something of each object that is asked for, and keeps it for the object that was asked for last. */
export function rememberLast<K extends object, V>(make: (of: K) => V): (of: K) => V {
  let last: { readonly of: K; readonly made: V } | undefined;
  return (of) => {
    if (last?.of !== of) last = { of, made: make(of) };
    return last.made;
  };
}

/** The same, but keeps it for each object for as long as that is there. */
export function rememberAll<K extends object, V>(make: (of: K) => V): (of: K) => V {
  const known = new WeakMap<K, V>();
  return rememberLast((of) => {
    let made = known.get(of);
    if (made === undefined) {
      made = make(of);
      known.set(of, made);
    }
    return made;
  });
}
