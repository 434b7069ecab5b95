import { describeForms } from './csrf-flows.ts';
import { describeExpiries } from './expiry-flows.ts';
import { describeInFlight } from './in-flight-flows.ts';
import type { Limits } from './limits.ts';
import { describeLogins } from './login-flows.ts';
import { describeMessages } from './message-flows.ts';
import { describePasswords } from './password-flows.ts';
import type { Sites } from './sites.ts';
import { describeValues } from './value-flows.ts';

/** Everything that a visitor does on both halves. */
export function describeFlows(sites: () => Sites, limits: Limits = {}): void {
  describeLogins(sites, limits);
  describePasswords(sites);
  describeInFlight(sites, limits);
  describeExpiries(sites, limits);
  describeValues(sites);
  describeForms(sites);
  describeMessages(sites);
}
