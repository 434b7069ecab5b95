import {
  BadSignature,
  type SessionStore,
  type Settings,
  SuspiciousSession,
  settingsOf,
  TimestampSigner,
} from '@coatcheck/core';
import {
  decodeMessage,
  encodeMessage,
  type Message,
  readElements,
  type StoredMessage,
} from './message-format.ts';

/** What a `messages` cookie holds. */
export interface MessagesCookie {
  readonly messages: readonly Message[];
  /** There are more in the session: Django puts there what the cookie has no room for. */
  readonly isUnfinished: boolean;
}

const SALT = 'django.contrib.messages';
const UNFINISHED = '__messagesnotfinished__';
/** Django: `CookieStorage.max_cookie_size` */
const MAX_LENGTH = 2048;

/**
 * The value of the cookie `messages`, from which a Django with its default storage shows messages. Django:
 * `CookieStorage`
 *
 * @param options.isUnfinished makes that Django look into the session as well; without messages, it is all that the
 *   cookie says. `@default` false
 * @throws {RangeError} when it is longer than Django makes it: the messages then belong in the session
 */
export function encodeMessagesCookie<Data extends object>(
  session: SessionStore<Data>,
  messages: readonly StoredMessage[],
  { isUnfinished = false }: { readonly isUnfinished?: boolean } = {},
): string {
  const settings = settingsOf(session);
  const elements = messages.map((message) => encodeMessage(message, ',', settings));
  if (isUnfinished) elements.push(`"${UNFINISHED}"`);
  const value = signer(settings).signText(`[${elements.join(',')}]`, {
    compress: true,
    now: settings.now(),
  });
  if (value.length > MAX_LENGTH) {
    throw new RangeError(
      `The messages cookie has ${value.length} characters, ${MAX_LENGTH} are allowed: add() the messages to the session, and say isUnfinished in the cookie.`,
    );
  }
  return value;
}

/** What a cookie that Django or {@link encodeMessagesCookie} made says; `undefined` for any other. */
export function decodeMessagesCookie<Data extends object>(
  session: SessionStore<Data>,
  value: string,
): MessagesCookie | undefined {
  let json: string;
  try {
    json = signer(settingsOf(session)).unsignText(value).json;
  } catch (error) {
    if (error instanceof BadSignature || error instanceof SuspiciousSession) return undefined;
    throw error;
  }
  const elements = readElements(json);
  return {
    messages: elements.flatMap((element) => decodeMessage(element) ?? []),
    isUnfinished: elements.at(-1) === UNFINISHED,
  };
}

/** Django: `get_cookie_signer` */
function signer({ secretKey, secretKeyFallbacks }: Settings): TimestampSigner {
  const keyOf = (key: string): string => `django.http.cookies${key}`;
  return new TimestampSigner({
    key: keyOf(secretKey),
    fallbackKeys: secretKeyFallbacks.map(keyOf),
    salt: SALT,
  });
}
