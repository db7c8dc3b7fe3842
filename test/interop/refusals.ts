/**
 * What must not be read, on both implementations: each case hands a receiver something made from a real message,
 * expects a refusal, and then hands it the real one, which must still be read, since a refusal moves nothing.
 */
import type { Peer } from './child.ts'
import {
  fieldsOf,
  flipped,
  message,
  nonCanonical,
  replaced,
  smallOrderKeys,
  withLargerS,
  without,
  withTorsion,
} from './forgeries.ts'
import type { Field } from './forgeries.ts'
import type { Request } from './json-lines.ts'
import {
  bytesOf,
  decrypt,
  encrypt,
  exchange,
  initiate,
  isPlaintext,
  newEstablishedPair,
  newPair,
  newSide,
  withBytes,
} from './pair.ts'
import type { Side, Wire } from './pair.ts'
import { check, say } from './tally.ts'

const hello = new TextEncoder().encode('hello')

export async function refusals(ours: Peer, oracle: Peer): Promise<void> {
  for (const [from, to] of [
    [ours, oracle],
    [oracle, ours],
  ] as const) {
    await changedMessages(from, to)
    await changedFirstMessages(from, to)
    await forgedBundles(from, to)
    await longJumps(from, to)
    await simultaneousInitiation(from, to)
    await changedIdentity(from, to)
  }
  await malleableSignature(ours, oracle)
  say('refusals: done')
}

async function refuses(to: Side, from: Side, forged: Wire, what: string): Promise<void> {
  const answer = await decrypt(to, from, forged)
  check(answer['ok'] === false, `${to.peer.label} read ${what}`)
}

async function reads(to: Side, from: Side, wire: Wire, what: string): Promise<void> {
  const answer = await decrypt(to, from, wire)
  check(isPlaintext(answer, hello), `${to.peer.label} did not read ${what}: ${String(answer['reason'])}`)
}

async function changedMessages(sender: Peer, receiver: Peer): Promise<void> {
  const [from, to] = await newEstablishedPair(sender, receiver)
  const wire = await encrypt(from, to, hello)
  const bytes = bytesOf(wire)
  for (let at = 0; at < bytes.length; at++)
    await refuses(to, from, withBytes(wire, flipped(bytes, at, at % 8)), `a message with byte ${at} changed`)
  for (let length = 0; length < bytes.length; length += 5)
    await refuses(to, from, withBytes(wire, bytes.subarray(0, length)), `a message cut to ${length} bytes`)
  const fields = fieldsOf(bytes, 8)
  const mac = bytes.subarray(-8)
  const remade = (version: number, changed: readonly Field[]): Wire => withBytes(wire, message(version, changed, mac))
  await refuses(to, from, remade(0x33, fields), 'a version 3 message')
  await refuses(to, from, remade(0x54, fields), 'a version 5 message')
  await refuses(to, from, remade(0x44, without(fields, 5)), 'a message without its post-quantum part')
  for (const key of smallOrderKeys)
    await refuses(to, from, remade(0x44, replaced(fields, 1, key)), 'a ratchet key of small order')
  await reads(to, from, wire, 'the real message after its forgeries')
  await refuses(to, from, wire, 'a message twice')
}

async function changedFirstMessages(sender: Peer, receiver: Peer): Promise<void> {
  const [from, to] = await newPair(sender, receiver, true)
  const wire = await encrypt(from, to, hello)
  const bytes = bytesOf(wire)
  const fields = fieldsOf(bytes, 0)
  const remade = (version: number, changed: readonly Field[]): Wire => withBytes(wire, message(version, changed))
  const bytesIn = (field: number): Uint8Array => fields.find((one) => one.field === field)?.value as Uint8Array
  // The registration id in front is not authenticated by the format, so it is left out: tag and varint.
  const registration = fields.find((one) => one.field === 5)?.value as number
  for (let at = registration < 128 ? 3 : 4; at < bytes.length; at += at > 40 && at < 1500 ? 37 : 1)
    await refuses(to, from, withBytes(wire, flipped(bytes, at, 0)), `a first message with byte ${at} changed`)
  for (let length = 0; length < bytes.length; length += 97)
    await refuses(to, from, withBytes(wire, bytes.subarray(0, length)), `a first message cut to ${length} bytes`)
  await refuses(to, from, remade(0x33, fields), 'a version 3 first message')
  await refuses(to, from, remade(0x44, without(fields, 7, 8)), 'a first message without a KEM')
  await refuses(to, from, remade(0x44, without(fields, 8)), 'a first message without a KEM ciphertext')
  await refuses(to, from, remade(0x44, without(fields, 1)), 'a first message robbed of its one-time key')
  await refuses(to, from, remade(0x44, replaced(fields, 2, nonCanonical(bytesIn(2)))), 'a base key written another way')
  await refuses(to, from, remade(0x44, replaced(fields, 2, withTorsion(bytesIn(2)))), 'a base key with torsion')
  for (const key of smallOrderKeys)
    await refuses(to, from, remade(0x44, replaced(fields, 2, key)), 'a base key of small order')
  await refuses(to, from, remade(0x44, replaced(fields, 1, 9999)), 'an unknown one-time key')
  await refuses(to, from, remade(0x44, replaced(fields, 6, 9999)), 'an unknown signed prekey')
  await refuses(to, from, remade(0x44, replaced(fields, 7, 9999)), 'an unknown Kyber prekey')
  await reads(to, from, wire, 'the real first message after its forgeries')
  await refuses(to, from, wire, 'a first message twice')
  await reads(to, from, await encrypt(from, to, hello), 'a second first message')
  await exchange(to, from, 'an answer')
}

async function forgedBundles(sender: Peer, receiver: Peer): Promise<void> {
  const [from, to] = [await newSide(sender), await newSide(receiver)]
  const { bundle } = await receiver.need('bundle', { name: to.name, oneTime: true })
  const fields = bundle as Request
  const cases: readonly (readonly [string, Request])[] = [
    ['a forged signed prekey signature', { signedPreKeySignature: flip(fields['signedPreKeySignature'], 5) }],
    ['a forged Kyber signature', { kyberPreKeySignature: flip(fields['kyberPreKeySignature'], 40) }],
    ['another signed prekey', { signedPreKey: fields['preKey'] }],
    ['another Kyber key', { kyberPreKey: flip(fields['kyberPreKey'], 100) }],
    ['another identity', { identityKey: fields['preKey'] }],
    ['a curve key for a Kyber key', { kyberPreKey: fields['signedPreKey'] }],
    ['a one-time key of small order', { preKey: Buffer.from(smallOrderKeys[1] ?? []).toString('base64') }],
  ]
  for (const [what, changed] of cases) {
    const answer = await sender.ask('initiate', { name: from.name, peer: to.name, bundle: { ...fields, ...changed } })
    check(answer['ok'] === false, `${sender.label} opened a session with ${what}`)
  }
  await sender.need('initiate', { name: from.name, peer: to.name, bundle })
  await reads(to, from, await encrypt(from, to, hello), 'a session opened after forged bundles')
}

function flip(value: unknown, at: number): string {
  return Buffer.from(flipped(new Uint8Array(Buffer.from(String(value), 'base64')), at, 3)).toString('base64')
}

/** 24,999 messages may be left out and 25,000 may not; of those left out the newest 2,000 can still arrive. */
async function longJumps(sender: Peer, receiver: Peer): Promise<void> {
  const [from, to] = await newEstablishedPair(sender, receiver)
  await exchange(from, to, 'turn')
  await exchange(to, from, 'turn')
  const wires: Wire[] = []
  for (let i = 0; i <= 25_000; i++) wires.push(await encrypt(from, to, hello))
  const at = (index: number): Wire => wires[index] as Wire
  await refuses(to, from, at(25_000), 'a jump over 25,000 messages')
  await reads(to, from, at(24_999), 'a jump over 24,999 messages')
  await reads(to, from, at(24_999 - 2_000), 'the oldest of 2,000 skipped messages')
  await refuses(to, from, at(24_999 - 2_001), 'a skipped message older than 2,000')
  await reads(to, from, at(25_000), 'the message after the jump')
}

async function simultaneousInitiation(left: Peer, right: Peer): Promise<void> {
  const [a, b] = [await newSide(left), await newSide(right)]
  await initiate(a, b, true)
  await initiate(b, a, true)
  const fromA = await encrypt(a, b, hello)
  const fromB = await encrypt(b, a, hello)
  await reads(b, a, fromA, 'a crossing first message')
  await reads(a, b, fromB, 'a crossing first message')
  for (let i = 0; i < 10; i++) {
    await exchange(a, b, `a ${i}`)
    await exchange(b, a, `b ${i}`)
  }
  const last = [await encrypt(a, b, hello), await encrypt(b, a, hello)]
  check(
    last.every(({ type }) => type === 2),
    'crossing sessions did not settle',
  )
}

async function changedIdentity(sender: Peer, receiver: Peer): Promise<void> {
  const [from, to] = await newEstablishedPair(sender, receiver)
  const stranger = await newSide(sender)
  await initiate(stranger, to, true)
  const wire = await encrypt(stranger, to, hello)
  await refuses(to, from, wire, 'a first message with another identity under a known name')
  await reads(to, stranger, wire, 'that message under its own name')
}

/** The one difference on purpose: s + L verifies there and is refused here. */
async function malleableSignature(ours: Peer, oracle: Peer): Promise<void> {
  const signer = await newSide(oracle)
  const text = Buffer.from('signed').toString('base64')
  for (let i = 0; i < 8; i++) {
    const { signature } = await oracle.need('sign', { name: signer.name, message: text })
    const larger = withLargerS(new Uint8Array(Buffer.from(String(signature), 'base64')))
    const asked = { identityKey: signer.identityKey, message: text, signature: Buffer.from(larger).toString('base64') }
    const [here, there] = [await ours.need('verify', asked), await oracle.need('verify', asked)]
    check(here['valid'] === false, 'ours verified s + L')
    check(there['valid'] === true, 'the oracle has become strict about s: update the note in docs/security.md')
  }
}
