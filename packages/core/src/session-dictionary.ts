import type { ClientFacts } from './account-index.ts';
import {
  assertKey,
  type ChangeFunction,
  type ChangeSet,
  changeStep,
  type Entries,
  isAuthEntry,
  isHiddenEntry,
  type Step,
} from './changes.ts';
import { assertExpiry, EXPIRY_ENTRY } from './expiry.ts';
import {
  asJson,
  atomicity,
  jsonSerializer,
  rewrite,
  type Serializer,
  serializerOf,
} from './serializers.ts';
import { addStep, NO_STEPS, type Touched } from './touched-entry.ts';

/**
 * The entries of one session during one request: values are decoded when they are read, and what changed is found
 * by comparing the texts of those that were handed out. Knows nothing of keys, backends or flags.
 */
export class SessionDictionary {
  readonly #serializer: Serializer;
  #base: Entries;
  #touched = new Map<string, Touched>();
  /** Values that others overtook, which the application may still hold and change. */
  #overtaken: [key: string, touched: Touched][] = [];
  #cleared = false;
  #clearedSinceSnapshot = false;

  constructor(base: Entries, serializer: Serializer) {
    this.#base = base;
    this.#serializer = serializer;
  }

  get(key: string): unknown {
    return this.#touch(key)?.value;
  }

  has(key: string): boolean {
    const touched = this.#touched.get(key);
    if (touched) return touched.present;
    // Without its text, which may have to be decompressed.
    return !this.#cleared && !isHiddenEntry(key) && this.#base.has(key);
  }

  /** @throws {TypeError} when the key is reserved, or the value would not survive JSON; the message has the path. */
  assertStorable(key: string, value: unknown): void {
    assertKey(key);
    if (key === EXPIRY_ENTRY) assertExpiry(value);
    const serializer = this.#serializerOf(key);
    const json = asJson(serializer);
    // The value is written when it is saved: until then it may change.
    if (json) json.assert(value, key);
    else serializer.dumps(value, key);
  }

  /** @throws {TypeError} as `assertStorable` does. */
  set(key: string, value: unknown): void {
    this.assertStorable(key, value);
    this.assign(key, value);
  }

  /** As `set`, for a value that `assertStorable` has let pass. */
  assign(key: string, value: unknown): void {
    const touched = this.#replaceable(key);
    touched.value = value;
    touched.present = true;
    touched.assigned = true;
  }

  delete(key: string): boolean {
    if (!this.has(key)) return false;
    const touched = this.#replaceable(key);
    touched.value = undefined;
    touched.present = false;
    touched.assigned = true;
    return true;
  }

  /** Runs `fn` on the value now, and remembers it as a step that runs again wherever the record is newer. */
  change(key: string, fn: ChangeFunction): unknown {
    assertKey(key);
    const touched = this.#touch(key) ?? this.#add(key, undefined, false, undefined);
    this.#finishStep(key, touched);
    const [value, text] = this.#changed(key, fn, touched);
    touched.value = value;
    touched.present = value !== undefined;
    const run = (current: string | undefined) => this.#run(key, fn, current);
    addStep(touched, changeStep(touched.text, text, run));
    touched.text = text;
    return value;
  }

  clear(): void {
    this.#touched = new Map();
    this.#overtaken = [];
    this.#cleared = true;
    this.#clearedSinceSnapshot = true;
  }

  /** The keys that the application sees, in the order of the record, new ones last. */
  keys(): string[] {
    const keys: string[] = [];
    if (!this.#cleared) {
      for (const key of this.#base.keys()) {
        if (!isHiddenEntry(key) && (this.#touched.get(key)?.present ?? true)) keys.push(key);
      }
    }
    for (const [key, touched] of this.#touched) {
      if (touched.present && (this.#cleared || !this.#base.has(key))) keys.push(key);
    }
    return keys;
  }

  /** Whether `keys` has none. */
  get isEmpty(): boolean {
    for (const touched of this.#touched.values()) if (touched.present) return false;
    if (this.#cleared) return true;
    for (const key of this.#base.keys()) {
      if (!isHiddenEntry(key) && !this.#touched.has(key)) return false;
    }
    return true;
  }

  /** The text of a value core itself reads, such as the expiry; hidden entries too. */
  peek(key: string): unknown {
    if (isHiddenEntry(key)) {
      const text = this.#base.get(key);
      return text === undefined ? undefined : jsonSerializer.loads(text);
    }
    const touched = this.#touched.get(key);
    if (touched) return touched.value;
    const text = this.#visible(key);
    return text === undefined ? undefined : this.#loads(key, text);
  }

  /** Whether a value that was handed out has been changed in place, or anything was assigned. */
  hasChanges(): boolean {
    if (this.#cleared) return true;
    for (const [key, touched] of this.#overtaken) if (this.#isChanged(key, touched)) return true;
    for (const [key, touched] of this.#touched) if (this.#isChanged(key, touched)) return true;
    return false;
  }

  /** What there is now counts as unchanged. */
  forgetChanges(): void {
    if (this.#cleared) this.#base = new Map();
    this.#cleared = false;
    for (const [key, touched] of this.#all()) {
      this.#finishStep(key, touched);
      touched.steps = NO_STEPS;
      touched.sent = 0;
    }
  }

  /** What changed until now, serialised now. @param client who made the changes */
  snapshot(client?: ClientFacts): ChangeSet {
    this.#clearedSinceSnapshot = false;
    const steps: (readonly [string, readonly Step[]])[] = [];
    let auth = false;
    for (const [key, touched] of this.#all()) {
      this.#finishStep(key, touched);
      touched.sent = touched.steps.length;
      if (touched.sent === 0) continue;
      steps.push([key, touched.steps]);
      auth ||= isAuthEntry(key);
    }
    return {
      cleared: this.#cleared,
      steps,
      auth: auth ? new Map(this.#texts().filter(([key]) => isAuthEntry(key))) : undefined,
      client,
    };
  }

  /**
   * The record now has the entries `written`, which include those of the last snapshot. What the request did after it
   * stays a change. What others changed is read anew; a value that the application still holds is its own, and what
   * it does to that later is merged as well.
   */
  rebase(written: Entries): void {
    this.#base = written;
    if (this.#clearedSinceSnapshot) return;
    this.#cleared = false;
    for (const [key, touched] of this.#all()) {
      const isAllSent = touched.sent === touched.steps.length;
      touched.steps = isAllSent ? NO_STEPS : touched.steps.slice(touched.sent);
      touched.sent = 0;
      if (this.#touched.get(key) !== touched) continue;
      if (touched.text === written.get(key) || this.#isChanged(key, touched)) continue;
      this.#touched.delete(key);
      touched.held = true;
      if (typeof touched.value === 'object') this.#overtaken.push([key, touched]);
    }
  }

  /** Those that others overtook first, as they are older. */
  #all(): Iterable<[string, Touched]> {
    return this.#overtaken.length > 0 ? [...this.#overtaken, ...this.#touched] : this.#touched;
  }

  #isChanged(key: string, touched: Touched): boolean {
    if (touched.assigned || touched.steps.length > 0) return true;
    // Text, numbers and the like cannot be changed in place.
    if (typeof touched.value !== 'object' && typeof touched.value !== 'function') return false;
    return this.#textOf(key, touched) !== touched.text;
  }

  #texts(): [string, string][] {
    return this.keys().map((key) => {
      const touched = this.#touched.get(key);
      const text = touched ? this.#textOf(key, touched) : this.#base.get(key);
      return [key, text ?? 'null'];
    });
  }

  #visible(key: string): string | undefined {
    return this.#cleared || isHiddenEntry(key) ? undefined : this.#base.get(key);
  }

  #touch(key: string): Touched | undefined {
    const touched = this.#touched.get(key);
    if (touched) return touched;
    const text = this.#visible(key);
    if (text === undefined) return undefined;
    return this.#add(key, this.#loads(key, text), true, text);
  }

  /** An entry that is about to get another value, so that the one that it has need not be read. */
  #replaceable(key: string): Touched {
    return this.#touched.get(key) ?? this.#add(key, undefined, false, this.#visible(key));
  }

  #add(key: string, value: unknown, present: boolean, text: string | undefined): Touched {
    const touched: Touched = {
      value,
      present,
      text,
      assigned: false,
      steps: NO_STEPS,
      sent: 0,
      held: false,
    };
    this.#touched.set(key, touched);
    return touched;
  }

  #finishStep(key: string, touched: Touched): void {
    const text = this.#textOf(key, touched);
    if (!touched.assigned && text === touched.text) return;
    const { text: before, held } = touched;
    const isAtomic = atomicity(this.#serializerOf(key), before, text);
    addStep(touched, { before, after: text, held, isAtomic });
    touched.text = text;
    touched.assigned = false;
  }

  #textOf(key: string, { value, present, text }: Touched): string | undefined {
    return present ? this.#write(key, value, text) : undefined;
  }

  #run(key: string, fn: ChangeFunction, text: string | undefined): string | undefined {
    const value = fn(text === undefined ? undefined : this.#loads(key, text));
    return value === undefined ? undefined : this.#write(key, value, text);
  }

  /** The text of a value; what did not change since it was read from `before` keeps its text. */
  #write(key: string, value: unknown, before: string | undefined): string {
    return rewrite(this.#serializerOf(key), before, value, key);
  }

  /** The first run of `fn`, on the live value. */
  #changed(key: string, fn: ChangeFunction, touched: Touched): [unknown, string | undefined] {
    try {
      const value = fn(touched.value);
      return [value, value === undefined ? undefined : this.#write(key, value, touched.text)];
    } catch (error) {
      // What it did to the value before it failed is no change.
      if (touched.text !== undefined) touched.value = this.#loads(key, touched.text);
      throw error;
    }
  }

  #loads(key: string, text: string): unknown {
    return this.#serializerOf(key).loads(text);
  }

  #serializerOf(key: string): Serializer {
    return serializerOf(key, this.#serializer);
  }
}
