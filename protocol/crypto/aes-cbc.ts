/**
 * AES-256 in CBC mode with PKCS #7 padding (FIPS 197, SP 800-38A) for short messages, where a native call costs five
 * times the work. Tables of 1 KiB in all each way, on purpose: the usual larger ones are faster alone, but fall out
 * of the processor's first cache between two messages, and table lookups are what others on the same machine could
 * time.
 */

const roundCount = 14
const keyWords = 8
const scheduleWords = 4 * (roundCount + 1)
const blockBytes = 16

const sbox = new Uint8Array(256)
const inverseSbox = new Uint8Array(256)
/** S-box and MixColumns of one byte; the other three columns are rotations of it. */
const mixed = new Int32Array(256)
const inverseMixed = new Int32Array(256)

const schedule = new Int32Array(scheduleWords)
const state = new Int32Array(4)

fillTables()

/** Key 32, iv 16 bytes. */
export function aesCbcEncrypt(key: Uint8Array, iv: Uint8Array, plaintext: Uint8Array): Uint8Array {
  const padding = blockBytes - (plaintext.length % blockBytes)
  const out = new Uint8Array(plaintext.length + padding)
  out.set(plaintext)
  out.fill(padding, plaintext.length)
  expandKey(key)
  loadBlock(iv, 0)
  for (let at = 0; at < out.length; at += blockBytes) {
    for (let i = 0; i < 4; i++) state[i] = (state[i] as number) ^ wordAt(out, at + 4 * i)
    encryptBlock()
    storeBlock(out, at)
  }
  wipeWorkspace()
  return out
}

/** Undefined when the padding is wrong; the length is a multiple of 16 and not 0. */
export function aesCbcDecrypt(key: Uint8Array, iv: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined {
  const out = new Uint8Array(ciphertext.length)
  expandKey(key)
  invertSchedule()
  for (let at = 0; at < out.length; at += blockBytes) {
    loadBlock(ciphertext, at)
    decryptBlock()
    const before = at === 0 ? iv : ciphertext
    const from = at === 0 ? 0 : at - blockBytes
    for (let i = 0; i < 4; i++) state[i] = (state[i] as number) ^ wordAt(before, from + 4 * i)
    storeBlock(out, at)
  }
  wipeWorkspace()
  const padding = out[out.length - 1] as number
  let wrong = padding === 0 || padding > blockBytes ? 1 : 0
  for (let i = 1; i <= Math.min(padding, blockBytes); i++) wrong |= (out[out.length - i] as number) ^ padding
  if (wrong === 0) return out.subarray(0, out.length - padding)
  out.fill(0)
  return undefined
}

function encryptBlock(): void {
  const k = schedule
  let s0 = (state[0] as number) ^ (k[0] as number)
  let s1 = (state[1] as number) ^ (k[1] as number)
  let s2 = (state[2] as number) ^ (k[2] as number)
  let s3 = (state[3] as number) ^ (k[3] as number)
  for (let at = 4; at < 4 * roundCount; at += 4) {
    const t0 = mixColumn(mixed, s0, s1, s2, s3) ^ (k[at] as number)
    const t1 = mixColumn(mixed, s1, s2, s3, s0) ^ (k[at + 1] as number)
    const t2 = mixColumn(mixed, s2, s3, s0, s1) ^ (k[at + 2] as number)
    const t3 = mixColumn(mixed, s3, s0, s1, s2) ^ (k[at + 3] as number)
    s0 = t0
    s1 = t1
    s2 = t2
    s3 = t3
  }
  const last = 4 * roundCount
  state[0] = substitute(sbox, s0, s1, s2, s3) ^ (k[last] as number)
  state[1] = substitute(sbox, s1, s2, s3, s0) ^ (k[last + 1] as number)
  state[2] = substitute(sbox, s2, s3, s0, s1) ^ (k[last + 2] as number)
  state[3] = substitute(sbox, s3, s0, s1, s2) ^ (k[last + 3] as number)
}

/** The equivalent inverse cipher (FIPS 197 section 5.3.5), so that it has the same form. */
function decryptBlock(): void {
  const k = schedule
  let s0 = (state[0] as number) ^ (k[0] as number)
  let s1 = (state[1] as number) ^ (k[1] as number)
  let s2 = (state[2] as number) ^ (k[2] as number)
  let s3 = (state[3] as number) ^ (k[3] as number)
  for (let at = 4; at < 4 * roundCount; at += 4) {
    const t0 = mixColumn(inverseMixed, s0, s3, s2, s1) ^ (k[at] as number)
    const t1 = mixColumn(inverseMixed, s1, s0, s3, s2) ^ (k[at + 1] as number)
    const t2 = mixColumn(inverseMixed, s2, s1, s0, s3) ^ (k[at + 2] as number)
    const t3 = mixColumn(inverseMixed, s3, s2, s1, s0) ^ (k[at + 3] as number)
    s0 = t0
    s1 = t1
    s2 = t2
    s3 = t3
  }
  const last = 4 * roundCount
  state[0] = substitute(inverseSbox, s0, s3, s2, s1) ^ (k[last] as number)
  state[1] = substitute(inverseSbox, s1, s0, s3, s2) ^ (k[last + 1] as number)
  state[2] = substitute(inverseSbox, s2, s1, s0, s3) ^ (k[last + 2] as number)
  state[3] = substitute(inverseSbox, s3, s2, s1, s0) ^ (k[last + 3] as number)
}

/** One column after SubBytes, ShiftRows and MixColumns: its first byte from `a`, the next from `b`, and so on. */
function mixColumn(table: Int32Array, a: number, b: number, c: number, d: number): number {
  const second = table[(b >>> 16) & 255] as number
  const third = table[(c >>> 8) & 255] as number
  const fourth = table[d & 255] as number
  return (
    (table[a >>> 24] as number) ^
    ((second >>> 8) | (second << 24)) ^
    ((third >>> 16) | (third << 16)) ^
    ((fourth >>> 24) | (fourth << 8))
  )
}

function substitute(box: Uint8Array, a: number, b: number, c: number, d: number): number {
  return (
    ((box[a >>> 24] as number) << 24) |
    ((box[(b >>> 16) & 255] as number) << 16) |
    ((box[(c >>> 8) & 255] as number) << 8) |
    (box[d & 255] as number)
  )
}

function expandKey(key: Uint8Array): void {
  for (let i = 0; i < keyWords; i++) schedule[i] = wordAt(key, 4 * i)
  let roundConstant = 1
  for (let i = keyWords; i < scheduleWords; i++) {
    let word = schedule[i - 1] as number
    if (i % keyWords === 0) {
      const rotated = (word << 8) | (word >>> 24)
      word = substitute(sbox, rotated, rotated, rotated, rotated) ^ (roundConstant << 24)
      roundConstant <<= 1
    } else if (i % keyWords === 4) word = substitute(sbox, word, word, word, word)
    schedule[i] = (schedule[i - keyWords] as number) ^ word
  }
}

/** Round keys in reverse order, the inner ones through InvMixColumns. */
function invertSchedule(): void {
  for (let low = 0, high = 4 * roundCount; low < high; low += 4, high -= 4) {
    for (let i = 0; i < 4; i++) {
      const word = schedule[low + i] as number
      schedule[low + i] = schedule[high + i] as number
      schedule[high + i] = word
    }
  }
  for (let i = 4; i < 4 * roundCount; i++) {
    const word = schedule[i] as number
    const substituted = substitute(sbox, word, word, word, word)
    schedule[i] = mixColumn(inverseMixed, substituted, substituted, substituted, substituted)
  }
}

function loadBlock(bytes: Uint8Array, at: number): void {
  for (let i = 0; i < 4; i++) state[i] = wordAt(bytes, at + 4 * i)
}

function storeBlock(bytes: Uint8Array, at: number): void {
  for (let i = 0; i < 4; i++) {
    const word = state[i] as number
    bytes[at + 4 * i] = word >>> 24
    bytes[at + 4 * i + 1] = word >>> 16
    bytes[at + 4 * i + 2] = word >>> 8
    bytes[at + 4 * i + 3] = word
  }
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)
  )
}

function wipeWorkspace(): void {
  schedule.fill(0)
  state.fill(0)
}

/** FIPS 197 section 5.1.1: inversion in GF(2^8), walked along a generator and its inverse, then the affine map. */
function fillTables(): void {
  let p = 1
  let q = 1
  do {
    p = times(p, 3)
    q = times(q, 0xf6)
    const value = q ^ rotateByte(q, 1) ^ rotateByte(q, 2) ^ rotateByte(q, 3) ^ rotateByte(q, 4) ^ 0x63
    sbox[p] = value
    inverseSbox[value] = p
  } while (p !== 1)
  sbox[0] = 0x63
  inverseSbox[0x63] = 0
  for (let i = 0; i < 256; i++) {
    const s = sbox[i] as number
    const v = inverseSbox[i] as number
    mixed[i] = (times(s, 2) << 24) | (s << 16) | (s << 8) | times(s, 3)
    inverseMixed[i] = (times(v, 14) << 24) | (times(v, 9) << 16) | (times(v, 13) << 8) | times(v, 11)
  }
}

function times(left: number, right: number): number {
  let product = 0
  let factor = left
  for (let bits = right; bits > 0; bits >>>= 1) {
    if ((bits & 1) === 1) product ^= factor
    factor = (factor << 1) ^ (factor > 127 ? 0x11b : 0)
  }
  return product
}

function rotateByte(byte: number, bits: number): number {
  return ((byte << bits) | (byte >>> (8 - bits))) & 255
}
