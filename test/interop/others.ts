/** Sender keys, safety numbers and signatures, each made by one implementation and taken by the other. */
import { randomUUID } from 'node:crypto'
import type { Peer } from './child.ts'
import { flipped } from './forgeries.ts'
import { newSide } from './pair.ts'
import type { Side } from './pair.ts'
import type { Dice } from './seeded-random.ts'
import { check, say } from './tally.ts'

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

export async function senderKeys(ours: Peer, oracle: Peer, dice: Dice): Promise<void> {
  for (const [from, to] of [
    [await newSide(ours), await newSide(oracle)],
    [await newSide(oracle), await newSide(ours)],
  ] as const) {
    await groupConversation(from, to, dice)
    await groupJumps(from, to)
  }
  say('sender keys: done')
}

interface GroupLetter {
  readonly plaintext: string
  readonly bytes: string
}

async function encryptTo(from: Side, distributionId: string, plaintext: Uint8Array): Promise<GroupLetter> {
  const fields = { name: from.name, distributionId, plaintext: base64(plaintext) }
  const { bytes } = await from.peer.need('group-encrypt', fields)
  return { plaintext: base64(plaintext), bytes: String(bytes) }
}

async function expectRead(to: Side, from: Side, letter: GroupLetter, what: string): Promise<void> {
  const answer = await to.peer.ask('group-decrypt', { name: to.name, sender: from.name, bytes: letter.bytes })
  check(answer['plaintext'] === letter.plaintext, `${to.peer.label} did not read ${what}: ${String(answer['reason'])}`)
}

async function expectRefused(to: Side, from: Side, bytes: string, what: string): Promise<void> {
  const answer = await to.peer.ask('group-decrypt', { name: to.name, sender: from.name, bytes })
  check(answer['ok'] === false, `${to.peer.label} read ${what}`)
}

async function groupConversation(from: Side, to: Side, dice: Dice): Promise<void> {
  const distributionId = randomUUID()
  const create = { name: from.name, distributionId }
  const { bytes: distribution } = await from.peer.need('group-create', create)
  const early = await encryptTo(from, distributionId, dice.bytes(10))
  await expectRefused(to, from, early.bytes, 'a group message before its key')
  await to.peer.need('group-process', { name: to.name, sender: from.name, bytes: distribution })
  await expectRead(to, from, early, 'a group message from before its key arrived')
  for (let round = 0; round < 10; round++) {
    const letters: GroupLetter[] = []
    for (let i = 0; i < 20; i++) {
      const letter = await encryptTo(from, distributionId, dice.bytes(dice.below(i === 0 ? 20_000 : 200)))
      letters.splice(dice.below(letters.length + 1), 0, letter)
    }
    for (const letter of letters.slice(2)) await expectRead(to, from, letter, 'a group message out of order')
    const [late, changed] = letters as [GroupLetter, GroupLetter]
    const bytes = new Uint8Array(Buffer.from(changed.bytes, 'base64'))
    for (let at = 0; at < bytes.length; at += 11)
      await expectRefused(to, from, base64(flipped(bytes, at, at % 7)), `a group message with byte ${at} changed`)
    await expectRead(to, from, changed, 'a group message after its forgeries')
    await expectRead(to, from, late, 'a late group message')
    await expectRefused(to, from, late.bytes, 'a group message twice')
  }
}

async function groupJumps(from: Side, to: Side): Promise<void> {
  const distributionId = randomUUID()
  const { bytes } = await from.peer.need('group-create', { name: from.name, distributionId })
  await to.peer.need('group-process', { name: to.name, sender: from.name, bytes })
  const hello = new TextEncoder().encode('hello')
  const letters: GroupLetter[] = []
  for (let i = 0; i <= 25_001; i++) letters.push(await encryptTo(from, distributionId, hello))
  const at = (index: number): GroupLetter => letters[index] as GroupLetter
  await expectRefused(to, from, at(25_001).bytes, 'a group jump over 25,001 messages')
  await expectRead(to, from, at(25_000), 'a group jump over 25,000 messages')
  await expectRead(to, from, at(25_000 - 2_000), 'the oldest of 2,000 skipped group messages')
  await expectRefused(to, from, at(25_000 - 2_001).bytes, 'a skipped group message older than 2,000')
}

export async function safetyNumbers(ours: Peer, oracle: Peer, dice: Dice): Promise<void> {
  for (let i = 0; i < 20; i++) {
    const [left, right] = [await newSide(ours), await newSide(oracle)]
    const ids = [`alice-${dice.below(1000)}`, `bob-${dice.below(1000)}`]
    const view = (peer: Side, from: number, them: Side): Promise<unknown> =>
      peer.peer.need('fingerprint', {
        name: peer.name,
        localId: ids[from],
        peerId: ids[1 - from],
        peerIdentityKey: them.identityKey,
      })
    const here = (await view(left, 0, right)) as { readonly digits: string; readonly scannable: string }
    const there = (await view(right, 1, left)) as { readonly digits: string; readonly scannable: string }
    check(here.digits === there.digits && /^\d{60}$/.test(here.digits), 'safety numbers differ')
    check(swapped(here.scannable) === there.scannable, 'scannable codes differ')
  }
  say('safety numbers: done')
}

/** The same code as the other side shows it: the two 32-byte halves in the other order. */
function swapped(scannable: string): string {
  const bytes = Buffer.from(scannable, 'base64')
  return Buffer.concat([
    bytes.subarray(0, 6),
    bytes.subarray(42, 74),
    bytes.subarray(38, 42),
    bytes.subarray(6, 38),
  ]).toString('base64')
}

export async function signatures(ours: Peer, oracle: Peer, dice: Dice): Promise<void> {
  for (const [signer, verifier] of [
    [ours, oracle],
    [oracle, ours],
  ] as const) {
    for (let i = 0; i < 100; i++) {
      const side = await newSide(signer)
      const message = base64(dice.bytes(dice.below(300)))
      const { signature } = await signer.need('sign', { name: side.name, message })
      const asked = { identityKey: side.identityKey, message, signature }
      const right = await verifier.need('verify', asked)
      check(right['valid'] === true, `${verifier.label} refused a signature of ${signer.label}`)
      const bytes = new Uint8Array(Buffer.from(String(signature), 'base64'))
      const forged = base64(flipped(bytes, dice.below(64), dice.below(8)))
      const wrong = await verifier.need('verify', { ...asked, signature: forged })
      check(wrong['valid'] === false, `${verifier.label} took a changed signature`)
    }
  }
  say('signatures: done')
}
