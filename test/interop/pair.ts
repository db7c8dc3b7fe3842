/** Two peers that hold, or are about to hold, a session with each other, whichever implementation each of them is. */
import type { Peer } from './child.ts'
import type { Answer } from './json-lines.ts'

export interface Side {
  readonly peer: Peer
  readonly name: string
  /** Serialised, base64. */
  readonly identityKey: string
}

export interface Wire {
  readonly type: number
  /** base64 */
  readonly bytes: string
}

let names = 0

export async function newSide(peer: Peer): Promise<Side> {
  const name = `device-${names++}`
  const { identityKey } = await peer.need('create', { name })
  return { peer, name, identityKey: String(identityKey) }
}

/** Fresh devices; the first has opened a session with the second and has not written yet. */
export async function newPair(initiator: Peer, responder: Peer, oneTime: boolean): Promise<readonly [Side, Side]> {
  const from = await newSide(initiator)
  const to = await newSide(responder)
  await initiate(from, to, oneTime)
  return [from, to]
}

/** Fresh devices that have both heard from each other. */
export async function newEstablishedPair(initiator: Peer, responder: Peer): Promise<readonly [Side, Side]> {
  const [from, to] = await newPair(initiator, responder, true)
  await exchange(from, to, 'hello')
  await exchange(to, from, 'hello yourself')
  return [from, to]
}

export async function initiate(from: Side, to: Side, oneTime: boolean): Promise<void> {
  const { bundle } = await to.peer.need('bundle', { name: to.name, oneTime })
  await from.peer.need('initiate', { name: from.name, peer: to.name, bundle })
}

export async function encrypt(from: Side, to: Side, plaintext: Uint8Array): Promise<Wire> {
  const fields = { name: from.name, peer: to.name, plaintext: Buffer.from(plaintext).toString('base64') }
  const { type, bytes } = await from.peer.need('encrypt', fields)
  return { type: Number(type), bytes: String(bytes) }
}

export function decrypt(to: Side, from: Side, wire: Wire): Promise<Answer> {
  return to.peer.ask('decrypt', { name: to.name, peer: from.name, type: wire.type, bytes: wire.bytes })
}

/** True when the answer is the plaintext. */
export function isPlaintext(answer: Answer, plaintext: Uint8Array): boolean {
  return answer['ok'] === true && answer['plaintext'] === Buffer.from(plaintext).toString('base64')
}

export async function exchange(from: Side, to: Side, text: string): Promise<Wire> {
  const plaintext = new TextEncoder().encode(text)
  const wire = await encrypt(from, to, plaintext)
  const answer = await decrypt(to, from, wire)
  if (!isPlaintext(answer, plaintext))
    throw new Error(`${to.peer.label} did not read «${text}»: ${String(answer['reason'])}`)
  return wire
}

export function bytesOf(wire: Wire): Uint8Array {
  return new Uint8Array(Buffer.from(wire.bytes, 'base64'))
}

export function withBytes(wire: Wire, bytes: Uint8Array): Wire {
  return { type: wire.type, bytes: Buffer.from(bytes).toString('base64') }
}
