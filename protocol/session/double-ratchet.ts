/**
 * The Double Ratchet (revision 3, section 3): a Diffie-Hellman step whenever the peer shows a new ratchet key, and a
 * chain in each direction between steps. Gives one seed per message; making keys, MACs and ciphertext of it is the
 * triple ratchet's part.
 *
 * The sending half of a step is put off until something is sent (section 8.5 allows it): nobody can tell, and a burst
 * in one direction then costs one agreement instead of two.
 */
import { samePublicBytes } from '../crypto/bytes.ts'
import { hkdfBlocks } from '../crypto/hmac.ts'
import { x25519 } from '../crypto/primitives.ts'
import type { Random } from '../crypto/random.ts'
import { Secret } from '../crypto/secret.ts'
import { advance, reach } from './chain.ts'
import type { Chain, TheirChain, Work } from './chain.ts'
import { generateKeyPair } from './keys.ts'
import type { OwnKeyPair } from './keys.ts'
import { receivingChainsMax } from './limits.ts'

export interface DoubleRatchet {
  readonly rootKey: Secret
  readonly ownRatchetKey: OwnKeyPair
  /** Undefined while the sending half of the last step is put off. */
  readonly ownChain: Chain | undefined
  /** Told to the peer and used by nobody: one less than the messages of the chain before, and at least 0. */
  readonly previousCounter: number
  /** Newest first. Never empty. */
  readonly theirChains: readonly TheirRatchetChain[]
}

export interface TheirRatchetChain extends TheirChain {
  /** u of the ratchet key it belongs to, 32 bytes. */
  readonly ratchetKey: Uint8Array
}

/** After PQXDH the initiator at once takes a step against the signed prekey, whose chain the handshake gave. */
export function initiatorRatchet(
  secrets: { readonly rootKey: Secret; readonly chainKey: Secret },
  theirSignedPreKey: Uint8Array,
  random: Random,
): DoubleRatchet | undefined {
  const theirs = { ratchetKey: theirSignedPreKey, chain: { index: 0, key: secrets.chainKey }, skipped: [] }
  const ownRatchetKey = generateKeyPair(random)
  const step = rootStep(secrets.rootKey, ownRatchetKey, theirSignedPreKey)
  if (step === undefined) return undefined
  return {
    rootKey: step.rootKey,
    ownRatchetKey,
    ownChain: { index: 0, key: step.chainKey },
    previousCounter: 0,
    theirChains: [theirs],
  }
}

/** The responder's first ratchet key is its signed prekey; the first message brings the step. */
export function responderRatchet(
  secrets: { readonly rootKey: Secret; readonly chainKey: Secret },
  ownSignedPreKey: OwnKeyPair,
): DoubleRatchet {
  return {
    rootKey: secrets.rootKey,
    ownRatchetKey: ownSignedPreKey,
    ownChain: { index: 0, key: secrets.chainKey },
    previousCounter: 0,
    theirChains: [],
  }
}

export interface Sent {
  readonly ratchet: DoubleRatchet
  readonly seed: Uint8Array
  readonly counter: number
}

/** Undefined when the peer's ratchet key turned out to be of small order; such a key is refused on arrival. */
export function nextToSend(ratchet: DoubleRatchet, random: Random): Sent | undefined {
  const ready = ratchet.ownChain === undefined ? finishStep(ratchet, random) : ratchet
  if (ready?.ownChain === undefined) return undefined
  const counter = ready.ownChain.index
  const { seed, chain } = advance(ready.ownChain)
  return { ratchet: { ...ready, ownChain: chain }, seed, counter }
}

export type Received =
  { readonly ratchet: DoubleRatchet; readonly seed: Uint8Array } | 'duplicate' | 'too-far-ahead' | 'invalid-key'

/** The seed of the peer's message `counter` under `ratchetKey` (u), and the ratchet once that message is accepted. */
export function receive(
  ratchet: DoubleRatchet,
  ratchetKey: Uint8Array,
  counter: number,
  work: Work,
  random: Random,
): Received {
  const at = ratchet.theirChains.findIndex((their) => samePublicBytes(their.ratchetKey, ratchetKey))
  const known = ratchet.theirChains[at]
  if (known !== undefined) {
    const reached = reach(known, counter, work)
    if (typeof reached === 'string') return reached
    const theirChains = [...ratchet.theirChains]
    theirChains[at] = { ratchetKey: known.ratchetKey, ...reached.their }
    return { ratchet: { ...ratchet, theirChains }, seed: reached.seed }
  }
  // Two new keys without a word from us between them: no honest peer does it, and the step is finished as if none was
  // put off.
  const settled = ratchet.ownChain === undefined ? finishStep(ratchet, random) : ratchet
  if (settled === undefined) return 'invalid-key'
  const step = rootStep(settled.rootKey, settled.ownRatchetKey, ratchetKey)
  if (step === undefined) return 'invalid-key'
  const reached = reach({ chain: { index: 0, key: step.chainKey }, skipped: [] }, counter, work)
  if (typeof reached === 'string') return reached
  return {
    seed: reached.seed,
    ratchet: {
      rootKey: step.rootKey,
      ownRatchetKey: settled.ownRatchetKey,
      ownChain: undefined,
      previousCounter: Math.max(0, (settled.ownChain?.index ?? 0) - 1),
      theirChains: [{ ratchetKey, ...reached.their }, ...settled.theirChains.slice(0, receivingChainsMax - 1)],
    },
  }
}

/** Whether a message under this ratchet key belongs to a chain that is already known. */
export function knowsChain(ratchet: DoubleRatchet, ratchetKey: Uint8Array): boolean {
  return ratchet.theirChains.some((their) => samePublicBytes(their.ratchetKey, ratchetKey))
}

/** The sending half: a fresh key pair against the newest key of the peer. */
function finishStep(ratchet: DoubleRatchet, random: Random): DoubleRatchet | undefined {
  const newest = ratchet.theirChains[0]
  if (newest === undefined) return undefined
  const ownRatchetKey = generateKeyPair(random)
  const step = rootStep(ratchet.rootKey, ownRatchetKey, newest.ratchetKey)
  if (step === undefined) return undefined
  return { ...ratchet, rootKey: step.rootKey, ownRatchetKey, ownChain: { index: 0, key: step.chainKey } }
}

function rootStep(
  rootKey: Secret,
  own: OwnKeyPair,
  theirs: Uint8Array,
): { readonly rootKey: Secret; readonly chainKey: Secret } | undefined {
  const shared = x25519(own.privateKey.bytes, theirs)
  if (shared === undefined) return undefined
  const [next, chainKey] = hkdfBlocks(shared, rootKey.bytes, 'WhisperRatchet', 2)
  shared.fill(0)
  return { rootKey: new Secret(next), chainKey: new Secret(chainKey) }
}
