/**
 * A validator of any library that implements Standard Schema 1 (zod, valibot, arktype and others), as far as it is
 * used here; standardschema.dev.
 */
export interface StandardSchema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1;
    validate(value: unknown): SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

/** What a validator found. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/** One thing that is wrong with an input. */
export interface SchemaIssue {
  readonly message: string;
  /** Where it is; each segment a key, or an object that has one. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** What a schema makes of its input. */
export type OutputOf<Schema> = Schema extends StandardSchema<infer Output> ? Output : never;
