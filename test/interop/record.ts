/**
 * Records conversations with libsignal for `test/protocol/session/transcripts.test.ts`, which then needs no
 * libsignal.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { MessageType } from '../../protocol/session/types.ts'
import type { Peer } from './child.ts'
import { newSide } from './pair.ts'
import type { Dice } from './seeded-random.ts'
import { check, say } from './tally.ts'
import { bundleFrom, bundleTo, digestOf, fromBase64, RecordedDevice, toBase64 } from './transcript.ts'
import type { Foreign, Step, Transcript } from './transcript.ts'

const messagesPerTranscript = 400

export async function recordTranscripts(oracle: Peer, folder: string, dice: Dice): Promise<void> {
  mkdirSync(folder, { recursive: true })
  const foreign = await recordForeign(oracle, dice)
  writeFileSync(join(folder, '..', 'foreign.json'), `${JSON.stringify(foreign)}\n`)
  for (const weInitiate of [true, false]) {
    for (const withOneTimeKey of [true, false]) {
      const who = weInitiate ? 'we-initiate' : 'libsignal-initiates'
      const name = `${who}-${withOneTimeKey ? 'with' : 'without'}-one-time-key`
      const transcript = await recordOne(oracle, name, weInitiate, withOneTimeKey, dice)
      writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(transcript)}\n`)
      say(`recorded ${name}`)
    }
  }
}

/** Sender keys, safety numbers and signatures of libsignal's making. */
async function recordForeign(oracle: Peer, dice: Dice): Promise<Foreign> {
  const [side, other] = [await newSide(oracle), await newSide(oracle)]
  const distributionId = '6f1c7c5e-9a53-4f3b-8a8c-6a6f0d3f2b11'
  const created = await oracle.need('group-create', { name: side.name, distributionId })
  const messages: Foreign['senderKey']['messages'][number][] = []
  for (let i = 0; i < 30; i++) {
    const plaintext = toBase64(dice.bytes(dice.below(200)))
    const { bytes } = await oracle.need('group-encrypt', { name: side.name, distributionId, plaintext })
    messages.splice(dice.below(messages.length + 1), 0, { bytes: String(bytes), plaintext })
  }
  const signatures: Foreign['signatures'][number][] = []
  for (let i = 0; i < 20; i++) {
    const signer = await newSide(oracle)
    const message = toBase64(dice.bytes(dice.below(100)))
    const { signature } = await oracle.need('sign', { name: signer.name, message })
    signatures.push({ identityKey: signer.identityKey, message, signature: String(signature) })
  }
  const [localId, peerId] = ['alice', 'bob']
  const asked = { name: side.name, localId, peerId, peerIdentityKey: other.identityKey }
  const { digits, scannable } = await oracle.need('fingerprint', asked)
  const fingerprint = {
    localId,
    localIdentityKey: side.identityKey,
    peerId,
    peerIdentityKey: other.identityKey,
    digits: String(digits),
    scannable: String(scannable),
  }
  return { senderKey: { distribution: String(created['bytes']), messages }, signatures, fingerprint }
}

async function recordOne(
  oracle: Peer,
  name: string,
  weInitiate: boolean,
  withOneTimeKey: boolean,
  dice: Dice,
): Promise<Transcript> {
  const side = await newSide(oracle)
  const seed = `transcript ${name}`
  const device = new RecordedDevice(seed, fromBase64(side.identityKey), withOneTimeKey)
  const head = { name, seed, theirIdentityKey: side.identityKey, withOneTimeKey }
  if (weInitiate) {
    const { bundle } = await oracle.need('bundle', { name: side.name, oneTime: withOneTimeKey })
    const theirBundle = bundle as Record<string, string | number>
    device.initiate(bundleFrom(theirBundle))
    return { ...head, theirBundle, steps: await talk(oracle, side.name, device, true, dice) }
  }
  await oracle.need('initiate', { name: side.name, peer: 'recorded', bundle: bundleTo(device.bundle()) })
  return { ...head, steps: await talk(oracle, side.name, device, false, dice) }
}

async function talk(oracle: Peer, name: string, device: RecordedDevice, weBegin: boolean, dice: Dice): Promise<Step[]> {
  const steps: Step[] = []
  /** Written and not delivered yet: what is delivered late comes out of order. */
  const held: { readonly type: MessageType; readonly bytes: string; readonly plaintext: string }[] = []
  for (let i = 0; i < messagesPerTranscript; i++) {
    const plaintext = dice.bytes(dice.chance(0.02) ? dice.below(3000) : dice.below(60))
    if (i === 0 ? weBegin : dice.chance(0.5) && device.record !== undefined) {
      const { type, bytes } = device.encrypt(plaintext)
      steps.push({ ours: toBase64(plaintext), type, digest: digestOf(bytes) })
      const asked = { name, peer: 'recorded', type, bytes: toBase64(bytes) }
      const answer = i > 0 && dice.chance(0.1) ? undefined : await oracle.ask('decrypt', asked)
      check(answer === undefined || answer['plaintext'] === toBase64(plaintext), `${name}: not read`)
      continue
    }
    // An oracle that nobody has written to yet cannot write.
    const fields = { name, peer: 'recorded', plaintext: toBase64(plaintext) }
    const { type, bytes } = await oracle.need('encrypt', fields)
    held.push({ type: Number(type) as MessageType, bytes: String(bytes), plaintext: toBase64(plaintext) })
    if (i > 0 && dice.chance(0.3)) continue
    while (held.length > 0) {
      const [one] = held.splice(dice.below(held.length), 1)
      if (one === undefined || dice.chance(0.1)) continue
      const result = device.decrypt(one.type, fromBase64(one.bytes))
      check(result.ok, `${name}: we did not read: ${result.ok ? '' : result.reason}`)
      if (result.ok) steps.push({ theirs: one.bytes, type: one.type, plaintext: one.plaintext })
    }
  }
  return steps
}
