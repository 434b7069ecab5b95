import { ImproperlyConfigured } from '@coatcheck/core';
import { CsrfRejected } from './csrf-rejected.ts';

/** Where a request says it comes from, and where it came to. */
export interface OriginRequest {
  /** The header `Origin`. */
  readonly origin: string | undefined;
  /** The header `Referer`. */
  readonly referer: string | undefined;
  readonly secure: boolean;
  /** Host and port that the request was sent to. */
  readonly host: string;
  /** The domain of the session's cookie, which pages of its subdomains may send to. */
  readonly cookieDomain: string | undefined;
  readonly trustedOrigins: readonly string[];
}

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);
const URL_PARTS = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]+)/i;

/** Whether requests with this method change nothing, wherever they come from (RFC 9110, 9.2.1). */
export function isSafeMethod(method: string): boolean {
  return SAFE_METHODS.has(method);
}

/**
 * Checks `Origin`, or, for an https request without one, `Referer`. Django: `_origin_verified`, `_check_referer`
 *
 * @throws {CsrfRejected} when the page that sent the request is neither of this site nor trusted
 * @throws {ImproperlyConfigured} when a trusted origin has no scheme
 */
export function checkOrigin(request: OriginRequest): void {
  const trusted = request.trustedOrigins.map(parseTrusted);
  if (request.origin !== undefined) {
    const { origin, secure, host } = request;
    if (origin === `${secure ? 'https' : 'http'}://${host}`) return;
    const [, scheme, netloc = ''] = URL_PARTS.exec(origin) ?? [];
    const isTrusted = trusted.some((rule) =>
      rule.isPattern
        ? rule.scheme === scheme?.toLowerCase() && isSameDomain(netloc, rule.domain)
        : rule.text === origin,
    );
    if (!isTrusted) throw untrusted('BAD_ORIGIN', 'Origin', origin);
  } else if (request.secure) {
    checkReferer(request, trusted);
  }
}

interface TrustedOrigin {
  readonly text: string;
  readonly isPattern: boolean;
  readonly scheme: string;
  readonly domain: string;
}

function checkReferer(request: OriginRequest, trusted: readonly TrustedOrigin[]): void {
  const { referer, host, cookieDomain } = request;
  if (referer === undefined) {
    throw new CsrfRejected('NO_REFERER', 'Referer checking failed - no Referer.');
  }
  const [, scheme, netloc] = URL_PARTS.exec(referer) ?? [];
  if (scheme === undefined || netloc === undefined) {
    throw new CsrfRejected('MALFORMED_REFERER', 'Referer checking failed - Referer is malformed.');
  }
  if (scheme.toLowerCase() !== 'https') {
    throw new CsrfRejected(
      'INSECURE_REFERER',
      'Referer checking failed - Referer is insecure while host is secure.',
    );
  }
  if (trusted.some((rule) => isSameDomain(netloc, rule.domain))) return;
  const port = /:(\d+)$/.exec(host)?.[1];
  const suffix = port === undefined || port === '443' || port === '80' ? '' : `:${port}`;
  const good = cookieDomain === undefined ? host : cookieDomain + suffix;
  if (!isSameDomain(netloc, good)) throw untrusted('BAD_REFERER', 'Referer', referer);
}

/** @throws {ImproperlyConfigured} as Django's check `4_0.E001` */
function parseTrusted(text: string): TrustedOrigin {
  const [, scheme, netloc] = URL_PARTS.exec(text) ?? [];
  if (scheme === undefined || netloc === undefined) {
    throw new ImproperlyConfigured(
      'Each of trustedOrigins must have a scheme: "https://shop.example" or "https://*.example".',
    );
  }
  return {
    text,
    isPattern: text.includes('*'),
    scheme: scheme.toLowerCase(),
    domain: netloc.replace(/^\*+/, ''),
  };
}

/** Whether the host is the pattern, or, where that begins with a dot, the domain or one below it. Django: `is_same_domain` */
function isSameDomain(host: string, pattern: string): boolean {
  const domain = pattern.toLowerCase();
  if (domain === '') return false;
  if (!domain.startsWith('.')) return host === domain;
  return host.endsWith(domain) || host === domain.slice(1);
}

function untrusted(reason: 'BAD_ORIGIN' | 'BAD_REFERER', header: string, value: string) {
  const shown = value.slice(0, 200);
  return new CsrfRejected(
    reason,
    `${header} checking failed - ${shown} does not match any trusted origins.`,
  );
}
