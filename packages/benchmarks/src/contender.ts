import type { RequestListener } from 'node:http';
import type { Place, Whereabouts } from './places.ts';
import type { ScenarioName } from './scenarios.ts';

/** What serves the application; each has a bare contender, from which the cost of a session is counted. */
export type Framework = 'koa' | 'express' | 'fastify' | 'django';

/**
 * - `bare`: the application without sessions
 * - `limit`: a session made by hand on the raw driver, doing no more than it must
 * - `ours`: Coatcheck
 * - `peer`: another library
 */
export type Role = 'bare' | 'limit' | 'ours' | 'peer';

/** Something that serves the application, in a process of its own. */
export interface Contender {
  /** Unique. */
  readonly name: string;
  readonly role: Role;
  readonly framework: Framework;
  /** Where its sessions live; a bare one has none. */
  readonly place?: Place;
  /** Those whose versions the report names. */
  readonly packages: readonly string[];
  /** Where it differs from another one. @default everywhere */
  readonly scenarios?: readonly ScenarioName[];
}

/** What serves requests to sessions that are there already. */
export interface FilledSite {
  readonly listener: RequestListener;
  /** The Cookie headers of the visitors, in the order of their numbers. */
  readonly cookies: readonly string[];
}

/** A contender that Node runs. */
export interface NodeContender extends Contender {
  /** Loads its packages, and no others, gets everything ready; what answers requests. */
  open(at: Whereabouts): RequestListener | Promise<RequestListener | FilledSite>;
}
