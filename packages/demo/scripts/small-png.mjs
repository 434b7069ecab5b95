// A picture of a flat page needs few colours: a palette of the 256 that are seen most takes a third of the bytes.
import { crc32, deflateSync, inflateSync } from 'node:zlib';

const SIGNATURE = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
const COLOURS = 256;

/** @param {Buffer} png 8 bits per channel, with or without alpha, not interlaced: as Chromium makes it */
export function smallPng(png) {
  const { width, height, pixels } = decode(png);
  const counts = new Map();
  for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
  const palette = [...counts]
    .sort(([, a], [, b]) => b - a)
    .slice(0, COLOURS)
    .map(([pixel]) => pixel);
  const indexes = new Map([...counts.keys()].map((pixel) => [pixel, nearest(palette, pixel)]));
  // Each row begins with its filter: none, which is best for a palette.
  const rows = Buffer.alloc((width + 1) * height);
  pixels.forEach((pixel, at) => {
    rows[at + Math.floor(at / width) + 1] = indexes.get(pixel);
  });
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3, 0, 0, 0], 8);
  const colours = Buffer.from(
    palette.flatMap((pixel) => [pixel >> 16, (pixel >> 8) & 255, pixel & 255]),
  );
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('PLTE', colours),
    chunk('IDAT', deflateSync(rows, { level: 9, memLevel: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function decode(png) {
  const [width, height, type] = [png.readUInt32BE(16), png.readUInt32BE(20), png[25]];
  if (png[24] !== 8 || (type !== 2 && type !== 6) || png[28] !== 0) {
    throw new Error('The PNG must have 8 bits per channel, no palette, and not be interlaced.');
  }
  const data = [];
  for (let at = 8; at < png.length; ) {
    const length = png.readUInt32BE(at);
    if (png.toString('latin1', at + 4, at + 8) === 'IDAT') {
      data.push(png.subarray(at + 8, at + 8 + length));
    }
    at += length + 12;
  }
  const size = type === 6 ? 4 : 3;
  const bytes = unfilter(inflateSync(Buffer.concat(data)), width * size, height, size);
  const pixels = new Uint32Array(width * height);
  for (let at = 0; at < pixels.length; at += 1) pixels[at] = bytes.readUIntBE(at * size, 3);
  return { width, height, pixels };
}

/** Each row says how its bytes differ from those to the left and above (PNG, section 9.2). */
function unfilter(rows, length, height, size) {
  const bytes = Buffer.alloc(length * height);
  for (let y = 0; y < height; y += 1) {
    const filter = rows[y * (length + 1)];
    for (let x = 0; x < length; x += 1) {
      const at = y * length + x;
      const left = x < size ? 0 : bytes[at - size];
      const up = y === 0 ? 0 : bytes[at - length];
      const corner = x < size || y === 0 ? 0 : bytes[at - length - size];
      const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter];
      bytes[at] = rows[y * (length + 1) + 1 + x] + guess;
    }
  }
  return bytes;
}

function paeth(left, up, corner) {
  const [a, b, c] = [left, up, corner].map((value) => Math.abs(left + up - corner - value));
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}

function nearest(palette, pixel) {
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  palette.forEach((colour, index) => {
    const distance = [16, 8, 0].reduce((sum, shift) => {
      const difference = ((colour >> shift) & 255) - ((pixel >> shift) & 255);
      return sum + difference * difference;
    }, 0);
    if (distance < least) [best, least] = [index, distance];
  });
  return best;
}

function chunk(type, data) {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  check.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, check]);
}
