// SHA-256 (FIPS 180-4) for pages that are served over plain HTTP: there a browser offers no crypto.subtle.
"use strict";

const PRIMES = Array.from({ length: 310 }, (_, n) => n + 2).filter(n => {
  for (let d = 2; d * d <= n; d++) if (n % d === 0) return false;
  return true;
});  // the first 64
const fraction = number => (number % 1) * 2 ** 32 >>> 0;
const K = Uint32Array.from(PRIMES, p => fraction(Math.cbrt(p)));
const BEGIN = Uint32Array.from(PRIMES.slice(0, 8), p => fraction(Math.sqrt(p)));
const BLOCK = 64;  // bytes
const W = new Uint32Array(64);

// The digest of a Uint8Array, in hexadecimal digits.
export function sha256(bytes) {
  const state = BEGIN.slice(), whole = bytes.length - bytes.length % BLOCK;
  absorb(state, new DataView(bytes.buffer, bytes.byteOffset, whole));
  const rest = bytes.subarray(whole), last = new Uint8Array(rest.length < BLOCK - 8 ? BLOCK : 2 * BLOCK);
  last.set(rest);
  last[rest.length] = 0x80;
  const view = new DataView(last.buffer);
  view.setBigUint64(last.length - 8, 8n * BigInt(bytes.length));
  absorb(state, view);
  return Array.from(state, word => word.toString(16).padStart(8, "0")).join("");
}

function absorb(state, view) {
  for (let at = 0; at < view.byteLength; at += BLOCK) {
    for (let t = 0; t < 16; t++) W[t] = view.getUint32(at + 4 * t);
    for (let t = 16; t < 64; t++) {
      const x = W[t - 15], y = W[t - 2];
      const s0 = (x >>> 7 | x << 25) ^ (x >>> 18 | x << 14) ^ x >>> 3;
      const s1 = (y >>> 17 | y << 15) ^ (y >>> 19 | y << 13) ^ y >>> 10;
      W[t] = W[t - 16] + s0 + W[t - 7] + s1;
    }
    mix(state);
  }
}

function mix(state) {
  let [a, b, c, d, e, f, g, h] = state;
  for (let t = 0; t < 64; t++) {
    const s1 = (e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7);
    const s0 = (a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10);
    const t1 = h + s1 + (e & f ^ ~e & g) + K[t] + W[t] | 0;
    const t2 = s0 + (a & b ^ a & c ^ b & c) | 0;
    h = g; g = f; f = e; e = d + t1 | 0;
    d = c; c = b; b = a; a = t1 + t2 | 0;
  }
  state[0] += a; state[1] += b; state[2] += c; state[3] += d;
  state[4] += e; state[5] += f; state[6] += g; state[7] += h;
}
