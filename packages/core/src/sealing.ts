import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** By how many bytes sealed text is longer than the text. */
export const SEAL_BYTES: number = NONCE_BYTES + TAG_BYTES;

/**
 * Encrypts text with AES-256-GCM under a key derived from the secret, so that the visitor cannot read it. Sealed bytes
 * are nonce, ciphertext and tag, as a latin-1 string.
 */
export class Sealer {
  readonly #keys: readonly Buffer[];

  /** @param secrets the current one first; all of them open, the first one seals. */
  constructor(secrets: readonly string[], salt: string) {
    this.#keys = secrets.map((secret) =>
      Buffer.from(hkdfSync('sha256', secret, salt, 'coatcheck sealed session', KEY_BYTES)),
    );
  }

  seal(text: string): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, this.#keys[0] as Buffer, nonce);
    const sealed = [nonce, cipher.update(text, 'latin1'), cipher.final(), cipher.getAuthTag()];
    return Buffer.concat(sealed).toString('latin1');
  }

  /** @throws when no key opens it. */
  open(sealed: string): string {
    const bytes = Buffer.from(sealed, 'latin1');
    let failure: unknown = new RangeError('Too short to be sealed.');
    for (const key of bytes.length < SEAL_BYTES ? [] : this.#keys) {
      const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, NONCE_BYTES));
      decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
      const text = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES));
      try {
        return Buffer.concat([text, decipher.final()]).toString('latin1');
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }
}
