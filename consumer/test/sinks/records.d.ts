import { type Dataset, type PipelineConfig, type Row } from '@tributary/shared';
import fc from 'fast-check';
/** A pipeline with every type of field, twice, and a merge. One field is named to break whatever quotes it badly. */
export declare const PIPELINE =
  '\nentities:\n  thing:\n    dataset: things\n    queue: thing_data\n    key: id\n    version: at\n    fields:\n      id: string\n      at: datetime\n      needed_text: string\n      text: string?\n      "we\\"ird,\'na;me--": string?\n      needed_whole: integer\n      whole: integer?\n      needed_size: number\n      size: number?\n      needed_flag: boolean\n      flag: boolean?\n      time: datetime?\n      needed_day: date\n      day: date?\n      needed_json: json\n      json: json?\n      lines: { type: list, items: { sku: string, quantity: integer, note: string?, at: datetime?, extra: json? } }\n      more_lines: { type: list, optional: true, items: { sku: string, ratio: number? } }\n  part:\n    dataset: parts\n    queue: part_data\n    key: sku\n    version: revision\n    fields: { sku: string, revision: integer, name: string?, price: number? }\nendpoints: {}\nmerge:\n  dataset: thing_parts\n  each: { entity: thing, lines: lines }\n  with: { entity: part, on: sku }\n  columns:\n    thing_text: thing.text\n    thing_time: thing.time\n    thing_json: thing.json\n    quantity: line.quantity\n    price: part.price\n    value: { multiply: [line.quantity, part.price] }\n';
export declare const pipeline: (yaml?: string) => PipelineConfig;
export declare function datasetNamed(name: string): Dataset;
/** Decodes a raw record as the consumer would. @throws PoisonError if the consumer would not take it */
export declare function thingRow(raw: unknown, messageId: string): Row;
/** Message ids that sort by their number. */
export declare const messageId: (number: number) => string;
/** The `number`th content of a part; contents of equal names are the same content. */
export declare function partRow(sku: string, number: number, name?: string): Row;
/** The `number`th content of a merged row, or with null the tombstone that closes it. */
export declare function mergedRow(key: string, number: number, values?: Row['values']): Row;
/** Records as an odd API sends them. Most are taken; whatever is taken must come back from a sink as it is. */
export declare const odd: {
  key: fc.Arbitrary<string>;
  record: fc.Arbitrary<{
    at: string;
    needed_text: string;
    text: string | null | undefined;
    'we"ird,\'na;me--': string | null | undefined;
    needed_whole: number;
    whole: number | '' | null | undefined;
    needed_size: number;
    size: number | '' | null | undefined;
    needed_flag: boolean;
    flag: '' | boolean | null | undefined;
    time: string | null | undefined;
    needed_day: string;
    day: string | null | undefined;
    needed_json:
      | ((
          | string
          | number
          | boolean
          | (string | number | boolean)[]
          | fc.JsonValue[]
          | {
              [x: string]: fc.JsonValue | undefined;
            }
          | Record<string, string | number | null>
          | {
              readonly z: 1;
              readonly a: {
                readonly y: readonly [1.5, '1', null];
                readonly b: 1e-9;
              };
            }
          | undefined
        ) &
          (
            | string
            | number
            | boolean
            | (string | number | boolean)[]
            | fc.JsonValue[]
            | {
                [x: string]: fc.JsonValue | undefined;
              }
            | Record<string, string | number | null>
            | {
                readonly z: 1;
                readonly a: {
                  readonly y: readonly [1.5, '1', null];
                  readonly b: 1e-9;
                };
              }
          ))
      | null;
    json:
      | (string | number | boolean)[]
      | Record<string, string | number | null>
      | {
          readonly z: 1;
          readonly a: {
            readonly y: readonly [1.5, '1', null];
            readonly b: 1e-9;
          };
        }
      | fc.JsonValue
      | undefined;
    lines: {
      sku: string;
      quantity: number;
      note: string | null | undefined;
      at: string | null | undefined;
      extra:
        | (string | number | boolean)[]
        | Record<string, string | number | null>
        | {
            readonly z: 1;
            readonly a: {
              readonly y: readonly [1.5, '1', null];
              readonly b: 1e-9;
            };
          }
        | fc.JsonValue
        | undefined;
    }[];
    more_lines:
      | ''
      | {
          sku: string;
          ratio: number | '' | null | undefined;
        }[]
      | null
      | undefined;
  }>;
};
//# sourceMappingURL=records.d.ts.map
