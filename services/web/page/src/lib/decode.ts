/** Validates values of unknown origin against the types they should have. */

/** Returns the value as its type, or undefined where it is not of that type. */
export interface Reader<Value> {
  (value: unknown): Value | undefined;
  /** As this reader, but accepting null. */
  readonly orNull: Reader<Value | null>;
}

function reader<Value>(read: (value: unknown) => Value | undefined): Reader<Value> {
  return Object.defineProperty(read, 'orNull', {
    get: () => reader<Value | null>((value) => (value === null ? null : read(value))),
  }) as Reader<Value>;
}

export const truth = reader((value) => (typeof value === 'boolean' ? value : undefined));

export const number = reader((value) =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined,
);

/** Text of at most `longest` characters, some of which take two units of a JavaScript string. */
export function text(longest: number): Reader<string> {
  return reader((value) => {
    if (typeof value !== 'string' || value.length > 2 * longest) return undefined;
    return value.length <= longest || [...value].length <= longest ? value : undefined;
  });
}

export function oneOf<Value extends string>(values: readonly Value[]): Reader<Value> {
  return reader((value) => values.find((known) => known === value));
}

export function list<Value>(item: Reader<Value>, most: number): Reader<readonly Value[]> {
  return reader((value) => {
    if (!Array.isArray(value) || value.length > most) return undefined;
    const items = value.map(item);
    return items.every((read) => read !== undefined) ? (items as Value[]) : undefined;
  });
}

type Readers<Value> = { [Name in keyof Value]: Reader<Value[Name]> };

/** Reads an object with these fields; others are dropped. */
export function record<Value extends object>(readers: Readers<Value>): Reader<Value> {
  const names = Object.keys(readers) as (keyof Value & string)[];
  return reader((value) => {
    if (typeof value !== 'object' || value === null) return undefined;
    const found: Partial<Value> = {};
    for (const name of names) {
      const field = readers[name](
        Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined,
      );
      if (field === undefined) return undefined;
      found[name] = field;
    }
    return found as Value;
  });
}

/** Parse JSON; null where it is invalid, too long or not of the type. */
export function decode<Value>(json: string, read: Reader<Value>, longest: number): Value | null {
  if (json.length > longest) return null;
  try {
    return read(JSON.parse(json)) ?? null;
  } catch {
    return null;
  }
}
