/**
 * Symmetric-key chains (Double Ratchet section 2.2) and the keys of one message. A chain only moves forward; what it
 * leaves out stays behind as seeds for late messages. Values in, values out: nothing here changes a chain.
 */
import { hkdfBlocks, hmacLean, hmacOfBoth } from '../crypto/hmac.ts'
import { Secret } from '../crypto/secret.ts'
import { forwardJumpMax, skippedKeysMax } from './limits.ts'

export interface Chain {
  /** Number of the next message. */
  readonly index: number
  readonly key: Secret
}

/** The seed of one message that has not arrived yet. */
export interface SkippedSeed {
  readonly index: number
  readonly seed: Secret
}

/** A chain that somebody else sends on. */
export interface TheirChain {
  readonly chain: Chain
  /** Ascending by index. */
  readonly skipped: readonly SkippedSeed[]
}

export interface MessageKeys {
  readonly cipherKey: Uint8Array
  readonly macKey: Uint8Array
  readonly iv: Uint8Array
}

/** What one incoming message may still cost, in chain steps; shared by every attempt to open it. */
export interface Work {
  stepsLeft: number
}

const messageSeedInput = Uint8Array.of(1)
const nextChainInput = Uint8Array.of(2)

/** The next message's seed, 32 bytes, and the chain after it. */
export function advance(chain: Chain): { readonly seed: Uint8Array; readonly chain: Chain } {
  const [seed, next] = hmacOfBoth(chain.key.bytes, messageSeedInput, nextChainInput)
  return { seed, chain: { index: chain.index + 1, key: new Secret(next) } }
}

/** `pqKey` is the post-quantum ratchet's key for the same message. Wipes neither input. */
export function messageKeysOf(seed: Uint8Array, pqKey: Uint8Array): MessageKeys {
  const [cipherKey, macKey, last] = hkdfBlocks(seed, pqKey, 'WhisperMessageKeys', 3)
  return { cipherKey, macKey, iv: last.subarray(0, 16) }
}

export function wipeMessageKeys(keys: MessageKeys): void {
  keys.cipherKey.fill(0)
  keys.macKey.fill(0)
  keys.iv.fill(0)
}

export type Reached = { readonly seed: Uint8Array; readonly their: TheirChain } | 'duplicate' | 'too-far-ahead'

/** The seed of message `counter`, and the chain once that message is accepted. */
export function reach(their: TheirChain, counter: number, work: Work): Reached {
  return counter < their.chain.index ? takeSkipped(their, counter) : jump(their, counter, work)
}

function takeSkipped(their: TheirChain, counter: number): Reached {
  const at = their.skipped.findIndex((one) => one.index === counter)
  const found = their.skipped[at]
  if (found === undefined) return 'duplicate'
  const skipped = [...their.skipped.slice(0, at), ...their.skipped.slice(at + 1)]
  return { seed: found.seed.bytes.slice(), their: { chain: their.chain, skipped } }
}

function jump(their: TheirChain, counter: number, work: Work): Reached {
  const steps = counter - their.chain.index
  if (steps > forwardJumpMax || steps > work.stepsLeft) return 'too-far-ahead'
  work.stepsLeft -= steps
  if (steps === 0) {
    const { seed, chain } = advance(their.chain)
    return { seed, their: { chain, skipped: their.skipped } }
  }
  const made: SkippedSeed[] = []
  let chain = skipUnkept(their.chain, Math.max(0, steps - skippedKeysMax))
  while (chain.index < counter) {
    const step = advance(chain)
    made.push({ index: chain.index, seed: new Secret(step.seed) })
    if (chain !== their.chain) chain.key.wipe()
    chain = step.chain
  }
  const last = advance(chain)
  chain.key.wipe()
  const kept = their.skipped.slice(Math.max(0, their.skipped.length + made.length - skippedKeysMax))
  return { seed: last.seed, their: { chain: last.chain, skipped: [...kept, ...made] } }
}

/** Moves on without seeds nobody will keep: a long jump derives only its last stretch in full. */
function skipUnkept(from: Chain, steps: number): Chain {
  if (steps === 0) return from
  let key = from.key.bytes
  for (let i = 0; i < steps; i++) {
    const next = hmacLean(key, nextChainInput)
    if (key !== from.key.bytes) key.fill(0)
    key = next
  }
  return { index: from.index + steps, key: new Secret(key) }
}
