/**
 * Where JavaScript stops being cheaper than a native call: microseconds of CPU time by length, both ways, for every
 * primitive that `protocol/crypto/primitives.ts` chooses by size. `node bench/primitives.ts`
 */
import { chacha20poly1305 } from '@noble/ciphers/chacha.js'
import { aesCbcDecrypt, aesCbcEncrypt } from '../protocol/crypto/aes-cbc.ts'
import { hmacLean, leanHmacBytesMax } from '../protocol/crypto/hmac.ts'
import { nodeProvider } from '../protocol/crypto/provider-node.ts'
import { sha256Lean } from '../protocol/crypto/sha256.ts'
import { rate } from './signal/measure.ts'

const lengths = [32, 64, 128, 256, 384, 512, 768, 1024, 1536, 2048, 4096]
const bytes = (length: number): Uint8Array => nodeProvider.systemRandom.bytes(length)
const [key, iv, nonce] = [bytes(32), bytes(16), bytes(12)]

const pairs: Readonly<Record<string, readonly [(text: Uint8Array) => unknown, (text: Uint8Array) => unknown]>> = {
  'SHA-256': [sha256Lean, (text) => nodeProvider.sha256(text)],
  'HMAC-SHA256': [(text) => hmacLean(key, text), (text) => nodeProvider.hmacSha256(key, text)],
  'AES-256-CBC encrypt': [
    (text) => aesCbcEncrypt(key, iv, text),
    (text) => nodeProvider.aes256CbcEncrypt(key, iv, text),
  ],
  'AES-256-CBC decrypt': [
    (text) => aesCbcDecrypt(key, iv, text),
    (text) => nodeProvider.aes256CbcDecrypt(key, iv, text),
  ],
  'ChaCha20-Poly1305 seal': [
    (text) => chacha20poly1305(key, nonce, iv).encrypt(text),
    (text) => nodeProvider.chacha20poly1305Seal(key, nonce, text, iv),
  ],
}

const rounds = 5

/** The best of some rounds: what else runs on the machine only ever adds. */
function micros(operation: () => unknown): number {
  return Math.min(...Array.from({ length: rounds }, () => 1e6 / rate(2000, operation)))
}

for (const [name, [lean, native]] of Object.entries(pairs)) {
  process.stdout.write(`${name}: bytes, JavaScript, native\n`)
  for (const length of lengths) {
    if (name.startsWith('HMAC') && length > leanHmacBytesMax) continue
    const text = bytes(length)
    const [ours, theirs] = [micros(() => lean(text)), micros(() => native(text))]
    const row = [length, ours.toFixed(1), theirs.toFixed(1)].map((cell) => String(cell).padStart(8)).join('')
    process.stdout.write(`${row}${ours <= theirs ? '' : '   native'}\n`)
  }
}
