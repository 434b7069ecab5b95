/** What a place of sessions cannot do, with the reason. */
export interface Limits {
  /** Why what ended lives on in copied cookies. */
  readonly revokesNothing?: string;
  /** Why Django reads a session beyond an expiry of its own, given in seconds. */
  readonly djangoForgetsSeconds?: string;
  /** Why Django reads a session beyond an expiry of its own, given as a date. */
  readonly djangoForgetsDates?: string;
}
