import { SessionError } from '@coatcheck/core';

/** Why a request is refused; Django has each as `REASON_…`. */
export type CsrfReason =
  | 'BAD_ORIGIN'
  | 'NO_REFERER'
  | 'MALFORMED_REFERER'
  | 'INSECURE_REFERER'
  | 'BAD_REFERER'
  | 'NO_CSRF_COOKIE'
  | 'CSRF_TOKEN_MISSING'
  | 'INCORRECT_LENGTH'
  | 'INVALID_CHARACTERS'
  | 'INCORRECT';

/** The request does not prove that a page of this site sent it; the message is Django's. Status 403. */
export class CsrfRejected extends SessionError {
  override readonly name = 'CsrfRejected';
  readonly status = 403;
  readonly expose = true;
  readonly reason: CsrfReason;

  constructor(reason: CsrfReason, message: string) {
    super(message);
    this.reason = reason;
  }
}
