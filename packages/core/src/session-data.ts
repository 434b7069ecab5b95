/**
 * The entries of the application's sessions, to be augmented once:
 * `declare module '@coatcheck/core' { interface SessionData { cart: Cart } }`. While it is empty, every key is
 * allowed and every value is `unknown`.
 */
// biome-ignore lint/suspicious/noEmptyInterface: applications add their entries by declaration merging
export interface SessionData {}

/** The keys that a session with these entries has. */
export type SessionKey<Data> = [keyof Data] extends [never] ? string : keyof Data & string;

/** The value under a key. */
export type SessionValue<Data, Key> = Key extends keyof Data ? Data[Key] : unknown;
