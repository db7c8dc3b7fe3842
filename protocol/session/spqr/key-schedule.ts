/**
 * The post-quantum ratchet's key schedule (Double Ratchet revision 3, section 5): a root that takes in each epoch's
 * secret, and for every epoch a chain in each direction. Epoch 0 grows from the handshake alone.
 */
import { concatBytes, uint32Be, utf8Bytes } from '../../crypto/bytes.ts'
import { hkdfBlocks } from '../../crypto/hmac.ts'
import type { Blocks } from '../../crypto/hmac.ts'
import { Secret } from '../../crypto/secret.ts'
import type { Work } from '../chain.ts'
import { forwardJumpMax, skippedKeysMax } from '../limits.ts'

/** The number of the last key taken, and the key the next one comes from. */
export interface PqChain {
  readonly index: number
  readonly key: Secret
}

export interface SkippedPqKey {
  readonly index: number
  readonly key: Secret
}

export interface EpochChains {
  readonly epoch: number
  /** Undefined once we send in a later epoch. */
  readonly own: PqChain | undefined
  readonly their: PqChain
  /** Ascending by index. */
  readonly skipped: readonly SkippedPqKey[]
}

export interface KeySchedule {
  readonly role: 'initiator' | 'responder'
  readonly rootKey: Secret
  readonly sendEpoch: number
  /** Ascending by epoch, without gaps; the last is the newest there is. */
  readonly epochs: readonly EpochChains[]
}

/** Epochs kept behind the one we send in. libsignal's value: what is older was answered long ago. */
const epochsBehindMax = 1

const startLabel = 'Signal PQ Ratchet V1 Chain  Start'
const addEpochLabel = 'Signal PQ Ratchet V1 Chain Add Epoch'
const nextLabel = utf8Bytes('Signal PQ Ratchet V1 Chain Next')

export function startSchedule(role: 'initiator' | 'responder', authKey: Uint8Array): KeySchedule {
  const { rootKey, chains } = split(role, 0, hkdfBlocks(authKey, undefined, startLabel, 3))
  return { role, rootKey, sendEpoch: 0, epochs: [chains] }
}

/** Undefined when the epoch is not the one after the newest. Wipes the secret. */
export function addEpoch(schedule: KeySchedule, epoch: number, secret: Uint8Array): KeySchedule | undefined {
  if (epoch !== (schedule.epochs.at(-1)?.epoch ?? 0) + 1) return undefined
  const output = hkdfBlocks(secret, schedule.rootKey.bytes, addEpochLabel, 3)
  secret.fill(0)
  const { rootKey, chains } = split(schedule.role, epoch, output)
  return { ...schedule, rootKey, epochs: [...schedule.epochs, chains] }
}

function split(
  role: 'initiator' | 'responder',
  epoch: number,
  [root, toResponder, toInitiator]: Blocks<3>,
): { readonly rootKey: Secret; readonly chains: EpochChains } {
  const fromInitiator = { index: 0, key: new Secret(toResponder) }
  const fromResponder = { index: 0, key: new Secret(toInitiator) }
  const isInitiator = role === 'initiator'
  const own = isInitiator ? fromInitiator : fromResponder
  const their = isInitiator ? fromResponder : fromInitiator
  return { rootKey: new Secret(root), chains: { epoch, own, their, skipped: [] } }
}

export interface PqKeyToSend {
  readonly schedule: KeySchedule
  readonly index: number
  /** 32 bytes. */
  readonly key: Uint8Array
}

/** The next key of an epoch; undefined when we already send in a later one. */
export function keyToSend(schedule: KeySchedule, epoch: number): PqKeyToSend | undefined {
  const current = epoch > schedule.sendEpoch ? enterSendEpoch(schedule, epoch) : schedule
  const at = current.epochs.findIndex((one) => one.epoch === epoch)
  const chains = current.epochs[at]
  if (chains?.own === undefined) return undefined
  const { chain, key } = advance(chains.own)
  return { schedule: withChains(current, at, { ...chains, own: chain }), index: chain.index, key }
}

function enterSendEpoch(schedule: KeySchedule, sendEpoch: number): KeySchedule {
  const epochs = schedule.epochs
    .filter((one) => one.epoch >= sendEpoch - epochsBehindMax)
    .map((one) => (one.epoch < sendEpoch ? { ...one, own: undefined } : one))
  return { ...schedule, sendEpoch, epochs }
}

export type PqKeyReceived =
  { readonly schedule: KeySchedule; readonly key: Uint8Array } | 'duplicate' | 'too-far-ahead' | 'forged'

/** The key of the peer's message `index` of an epoch. */
export function keyToReceive(schedule: KeySchedule, epoch: number, index: number, work: Work): PqKeyReceived {
  const at = schedule.epochs.findIndex((one) => one.epoch === epoch)
  const chains = schedule.epochs[at]
  // An epoch that was let go of is a key that was let go of; one that is not there yet cannot have been used.
  if (chains === undefined) return epoch < schedule.sendEpoch ? 'duplicate' : 'forged'
  if (index <= chains.their.index) {
    const place = chains.skipped.findIndex((one) => one.index === index)
    const found = chains.skipped[place]
    if (found === undefined) return 'duplicate'
    const skipped = [...chains.skipped.slice(0, place), ...chains.skipped.slice(place + 1)]
    return { schedule: withChains(schedule, at, { ...chains, skipped }), key: found.key.bytes.slice() }
  }
  const jump = index - chains.their.index
  if (jump > forwardJumpMax || jump - 1 > work.stepsLeft) return 'too-far-ahead'
  work.stepsLeft -= jump - 1
  let their = chains.their
  const made: SkippedPqKey[] = []
  while (their.index < index - 1) {
    const isKept = index - their.index - 1 <= skippedKeysMax
    const step = isKept ? advance(their) : { chain: advanceWithoutKey(their), key: undefined }
    if (step.key !== undefined) made.push({ index: step.chain.index, key: new Secret(step.key) })
    if (their !== chains.their) their.key.wipe()
    their = step.chain
  }
  const last = advance(their)
  if (their !== chains.their) their.key.wipe()
  const room = Math.max(0, skippedKeysMax - made.length)
  const skipped =
    made.length === 0 ? chains.skipped : [...chains.skipped.slice(Math.max(0, chains.skipped.length - room)), ...made]
  return { schedule: withChains(schedule, at, { ...chains, their: last.chain, skipped }), key: last.key }
}

function withChains(schedule: KeySchedule, at: number, chains: EpochChains): KeySchedule {
  const epochs = [...schedule.epochs]
  epochs[at] = chains
  return { ...schedule, epochs }
}

function advance(chain: PqChain): { readonly chain: PqChain; readonly key: Uint8Array } {
  const index = chain.index + 1
  const [next, key] = hkdfBlocks(chain.key.bytes, undefined, nextInfo(index), 2)
  return { chain: { index, key: new Secret(next) }, key }
}

/** The chain half of `advance` alone: it is the first block of the same expansion. */
function advanceWithoutKey(chain: PqChain): PqChain {
  const index = chain.index + 1
  const [next] = hkdfBlocks(chain.key.bytes, undefined, nextInfo(index), 1)
  return { index, key: new Secret(next) }
}

function nextInfo(index: number): Uint8Array {
  return concatBytes(uint32Be(index), nextLabel)
}
