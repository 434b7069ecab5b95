/** A session that another framework kept, as the application saw it there. */
export interface ImportedSession {
  /** What was in it, without what the framework kept for itself. */
  readonly data: Readonly<Record<string, unknown>>;
  /** When it ends. @default when a new session of this moment would */
  readonly expiresAt?: Date | undefined;
}

/** A session that the other framework has in a store. */
export interface StoredImport {
  /** Names the session and no other one; secret, and hard to guess. */
  readonly id: string;
  /** `undefined`: there is none, or it has ended. Rejects when the store does not answer. */
  read(): Promise<ImportedSession | undefined>;
  /** Removes it; called again where it may not have been done. */
  remove(): Promise<void>;
}

/** What the cookies of a request stand for: a session that is in them, or one in a store. */
export type FoundImport = ImportedSession | StoredImport;

/** Reads the sessions of another framework; `@coatcheck/importers` has some. */
export interface SessionImporter {
  /** The framework; keeps the ids of several importers apart. */
  readonly name: string;
  /** The cookies that are removed from the browser with the response that moves the session. */
  readonly cookies: readonly {
    readonly name: string;
    readonly domain?: string | undefined;
    readonly path?: string | undefined;
  }[];
  /**
   * What the Cookie header says, once its signature is verified; `undefined`: nothing that is good. Asks no store, and
   * never throws for what a visitor may send.
   */
  find(cookieHeader: string, now: Date): FoundImport | undefined;
}
