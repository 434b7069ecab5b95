import { ImproperlyConfigured } from '@coatcheck/core';
import { describeSessionBackend } from '@coatcheck/core/testing';
import {
  createBackend,
  SignedCookiesBackend,
  signedCookiesBackend,
} from '@coatcheck/signed-cookies';
import { describe, expect, it } from '@jest/globals';

const cannot = {
  keepKeys: 'the key is the session itself',
  compare: 'nothing is stored that a base could be compared with',
  revoke: 'a copy of the cookie is good until it expires',
  expire: 'core enforces the expiry that is inside the signature',
  clear: 'nothing is stored',
  close: 'there is nothing to close',
};

for (const encrypt of [false, true]) {
  describeSessionBackend(
    { describe, it },
    encrypt ? 'sealed cookies' : 'signed cookies',
    () => ({
      backend: signedCookiesBackend({ encrypt }),
      openAnother: () => signedCookiesBackend({ encrypt }),
    }),
    { cannot },
  );
}

describe('the backend', () => {
  it('is what a configuration calls createBackend', () => {
    expect(createBackend).toBe(signedCookiesBackend);
    expect(createBackend({ encrypt: true })).toBeInstanceOf(SignedCookiesBackend);
  });

  it("signs under Django's salt, and says when it seals", () => {
    const salt = 'django.contrib.sessions.backends.signed_cookies';
    expect(signedCookiesBackend().encoding).toEqual({ salt, inCookie: true });
    expect(signedCookiesBackend({ encrypt: true }).encoding).toEqual({
      ...{ salt, inCookie: true, sealed: true },
    });
  });

  it('refuses an encrypt that is neither true nor false', () => {
    for (const encrypt of ['yes', 1, null]) {
      const create = () => signedCookiesBackend({ encrypt: encrypt as never });
      expect(create).toThrow(ImproperlyConfigured);
      expect(create).toThrow('signedCookies.encrypt must be true or false');
    }
  });
});
