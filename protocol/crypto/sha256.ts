/**
 * SHA-256 (FIPS 180-4) with its midstates in the open, so that HMAC over short messages costs only the blocks it must.
 * One native hash call costs more than two of these blocks; long input belongs to the provider instead.
 */

/** Eight 32-bit words: the chaining value between blocks. */
export type Sha256State = Int32Array

const ROUND_CONSTANTS = Int32Array.from([
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98,
  0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
  0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8,
  0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
  0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819,
  0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
  0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
  0xc67178f2,
])

const INITIAL = Int32Array.from([
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
])

const BLOCK = 64
const schedule = new Int32Array(64)
const tail = new Uint8Array(2 * BLOCK)

export function initialState(): Sha256State {
  return INITIAL.slice()
}

export function resetState(state: Sha256State): void {
  state.set(INITIAL)
}

/** Absorbs the 64 bytes of `data` at `offset`. */
export function compress(state: Sha256State, data: Uint8Array, offset: number): void {
  const w = schedule
  for (let i = 0, at = offset; i < 16; i++, at += 4) {
    w[i] =
      ((data[at] as number) << 24) |
      ((data[at + 1] as number) << 16) |
      ((data[at + 2] as number) << 8) |
      (data[at + 3] as number)
  }
  for (let i = 16; i < 64; i++) {
    const w15 = w[i - 15] as number
    const w2 = w[i - 2] as number
    const s0 = ((w15 >>> 7) | (w15 << 25)) ^ ((w15 >>> 18) | (w15 << 14)) ^ (w15 >>> 3)
    const s1 = ((w2 >>> 17) | (w2 << 15)) ^ ((w2 >>> 19) | (w2 << 13)) ^ (w2 >>> 10)
    w[i] = ((w[i - 16] as number) + s0 + (w[i - 7] as number) + s1) | 0
  }
  let a = state[0] as number
  let b = state[1] as number
  let c = state[2] as number
  let d = state[3] as number
  let e = state[4] as number
  let f = state[5] as number
  let g = state[6] as number
  let h = state[7] as number
  for (let i = 0; i < 64; i++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))
    const t1 = (h + s1 + (g ^ (e & (f ^ g))) + (ROUND_CONSTANTS[i] as number) + (w[i] as number)) | 0
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))
    const t2 = (s0 + ((a & b) | (c & (a | b)))) | 0
    h = g
    g = f
    f = e
    e = (d + t1) | 0
    d = c
    c = b
    b = a
    a = (t1 + t2) | 0
  }
  state[0] = (state[0] as number) + a
  state[1] = (state[1] as number) + b
  state[2] = (state[2] as number) + c
  state[3] = (state[3] as number) + d
  state[4] = (state[4] as number) + e
  state[5] = (state[5] as number) + f
  state[6] = (state[6] as number) + g
  state[7] = (state[7] as number) + h
}

/** Absorbs the first `length` bytes of `data` and the padding; `before` bytes (whole blocks) were absorbed earlier. */
export function finish(state: Sha256State, data: Uint8Array, length: number, before: number): void {
  const whole = length - (length % BLOCK)
  for (let at = 0; at < whole; at += BLOCK) compress(state, data, at)
  const rest = length - whole
  const padded = rest < 56 ? BLOCK : 2 * BLOCK
  tail.fill(0, rest, padded)
  for (let i = 0; i < rest; i++) tail[i] = data[whole + i] as number
  tail[rest] = 0x80
  const total = before + length
  const highBits = Math.floor(total / 0x2000_0000)
  const lowBits = total << 3
  tail[padded - 5] = highBits & 255
  tail[padded - 4] = lowBits >>> 24
  tail[padded - 3] = (lowBits >>> 16) & 255
  tail[padded - 2] = (lowBits >>> 8) & 255
  tail[padded - 1] = lowBits & 255
  compress(state, tail, 0)
  if (padded > BLOCK) compress(state, tail, BLOCK)
}

/** Writes the digest, 32 bytes, into `out` at `offset`. */
export function writeDigest(state: Sha256State, out: Uint8Array, offset: number): void {
  for (let i = 0, at = offset; i < 8; i++, at += 4) {
    const word = state[i] as number
    out[at] = word >>> 24
    out[at + 1] = (word >>> 16) & 255
    out[at + 2] = (word >>> 8) & 255
    out[at + 3] = word & 255
  }
}

export function sha256Lean(data: Uint8Array): Uint8Array {
  const state = initialState()
  finish(state, data, data.length, 0)
  const digest = new Uint8Array(32)
  writeDigest(state, digest, 0)
  return digest
}

/** Overwrites what the last calls left in the shared work space. */
export function wipeWorkspace(): void {
  schedule.fill(0)
  tail.fill(0)
}
