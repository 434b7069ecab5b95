const CANARY = 'canary-';
/** As much of it as is the same in base64 wherever it begins. */
const ENCODED = [0, 1, 2].map((before) => {
  const text = Buffer.from(' '.repeat(before) + CANARY).toString('base64url');
  return text.slice(before === 0 ? 0 : 4, before === 0 ? 8 : undefined);
});

// Bounded, and none goes over a text twice: there may be a lot of it.
const FORMS = {
  'a session key': /[a-z0-9]{32,4096}/g,
  'signed data': /(?<![\w-])[\w-]{8,65536}:[0-9A-Za-z]{6}:[\w-]{43}(?![\w-])/g,
  'data of a session': new RegExp(`${CANARY}[\\w-]{1,99}|${ENCODED.join('|')}`, 'g'),
};
/** Digests (of 10^11 keys one has no other characters), and what fills up a text. */
const NO_KEY = /^(?:[0-9a-f]+|(.)\1+)$/;

/** How much of the text around a find is shown. */
const AROUND = 60;

/**
 * Session keys, signed data and canaries in a text, told by their form: whoever made them. What is found is not
 * repeated, but for what stands around it.
 */
export function findLeaks(text) {
  return Object.entries(FORMS).flatMap(([kind, form]) =>
    [...text.matchAll(form)].flatMap(({ 0: found, index }) => {
      if (NO_KEY.test(found)) return [];
      const before = masked(text.slice(Math.max(0, index - AROUND), index));
      const after = masked(text.slice(index + found.length, index + found.length + AROUND));
      return { kind, index, excerpt: `${before}<${kind}>${after}`.replaceAll(/\s+/g, ' ').trim() };
    }),
  );
}

/** The text without what may be another one, or a part of it. */
function masked(text) {
  return text.replaceAll(/[\w-]{16,}/g, '…');
}
