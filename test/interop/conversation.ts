/**
 * A long conversation between the two implementations over a bad network: bursts, reordering, loss, late and repeated
 * arrivals. Every message that arrives must be read, unless its keys were let go of by the limits both sides share.
 */
import { decodePreKeySignalMessage, decodeSignalMessage } from '../../protocol/session/messages.ts'
import { receivingChainsMax } from '../../protocol/session/limits.ts'
import { decodePqMessage } from '../../protocol/session/spqr/message.ts'
import type { Peer } from './child.ts'
import { bytesOf, decrypt, encrypt, isPlaintext, newPair } from './pair.ts'
import type { Side, Wire } from './pair.ts'
import type { Dice } from './seeded-random.ts'
import { check, say } from './tally.ts'

const lostShare = 0.2
const lateShare = 0.1
const repeatedShare = 0.05
const longShare = 0.01

interface Letter {
  readonly from: Side
  readonly to: Side
  readonly plaintext: Uint8Array
  readonly wire: Wire
  readonly ratchetKey: string
  readonly epoch: number
}

/** What a receiver has shown to know, for judging a message that it did not read. */
interface Seen {
  /** Newest first, at most as many as are kept. */
  readonly chains: string[]
  readonly everSeen: Set<string>
  /** The newest epoch it has written in. */
  sentEpoch: number
}

export interface Report {
  sent: number
  read: number
  lost: number
  letGo: number
  epochs: number
}

async function converse(
  initiator: Peer,
  responder: Peer,
  options: { readonly oneTime: boolean; readonly messages: number; readonly dice: Dice },
): Promise<Report> {
  const { dice } = options
  const sides = await newPair(initiator, responder, options.oneTime)
  const seen = new Map<Side, Seen>(sides.map((side) => [side, { chains: [], everSeen: new Set(), sentEpoch: 0 }]))
  const report: Report = { sent: 0, read: 0, lost: 0, letGo: 0, epochs: 0 }
  const late: { readonly letter: Letter; readonly at: number }[] = []
  const mayWrite = new Set<Side>([sides[0]])

  const deliver = async (letter: Letter): Promise<void> => {
    const answer = await decrypt(letter.to, letter.from, letter.wire)
    const known = seen.get(letter.to) as Seen
    if (isPlaintext(answer, letter.plaintext)) {
      report.read++
      check(true, 'read')
      mayWrite.add(letter.to)
      if (!known.everSeen.has(letter.ratchetKey)) {
        known.everSeen.add(letter.ratchetKey)
        known.chains.unshift(letter.ratchetKey)
        known.chains.length = Math.min(known.chains.length, receivingChainsMax)
      }
    } else {
      const isChainGone = known.everSeen.has(letter.ratchetKey) && !known.chains.includes(letter.ratchetKey)
      const isEpochGone = letter.epoch < known.sentEpoch - 1
      report.letGo++
      check(isChainGone || isEpochGone, `${letter.to.peer.label} did not read: ${String(answer['reason'])}`)
    }
    if (answer['ok'] === true && dice.chance(repeatedShare)) {
      const again = await decrypt(letter.to, letter.from, letter.wire)
      check(again['ok'] === false, `${letter.to.peer.label} read a message twice`)
    }
  }

  while (report.sent < options.messages) {
    const from = sides[dice.below(2)] as Side
    if (!mayWrite.has(from)) continue
    const to = from === sides[0] ? sides[1] : sides[0]
    const burst: Letter[] = []
    for (let i = 1 + dice.below(6); i > 0; i--) {
      const letter = await write(from, to, dice)
      const writer = seen.get(from) as Seen
      writer.sentEpoch = Math.max(writer.sentEpoch, letter.epoch)
      report.epochs = Math.max(report.epochs, letter.epoch)
      report.sent++
      if (dice.chance(lostShare)) report.lost++
      else if (dice.chance(lateShare)) late.push({ letter, at: report.sent + 5 + dice.below(200) })
      else burst.splice(dice.below(burst.length + 1), 0, letter)
    }
    for (const letter of burst) await deliver(letter)
    for (const one of late.splice(0)) {
      if (one.at > report.sent) late.push(one)
      else await deliver(one.letter)
    }
  }
  for (const { letter } of late) await deliver(letter)
  return report
}

async function write(from: Side, to: Side, dice: Dice): Promise<Letter> {
  const plaintext = dice.bytes(dice.chance(longShare) ? dice.below(65_537) : dice.below(200))
  const wire = await encrypt(from, to, plaintext)
  const first = wire.type === 3 ? decodePreKeySignalMessage(bytesOf(wire)) : undefined
  if (typeof first === 'string') throw new Error(`${from.peer.label} wrote a first message that is ${first}`)
  const message = decodeSignalMessage(first?.message ?? bytesOf(wire))
  if (typeof message === 'string') throw new Error(`${from.peer.label} wrote a message that is ${message}`)
  const pq = decodePqMessage(message.pqRatchet)
  if (pq === undefined) throw new Error(`${from.peer.label} wrote a post-quantum message that does not decode`)
  const ratchetKey = Buffer.from(message.ratchetKey).toString('hex')
  return { from, to, plaintext, wire, ratchetKey, epoch: pq.epoch }
}

/** Both initiators, with and without a one-time key. */
export async function conversations(
  ours: Peer,
  oracle: Peer,
  messages: number,
  diceOf: (name: string) => Dice,
): Promise<void> {
  for (const [initiator, responder] of [
    [ours, oracle],
    [oracle, ours],
  ] as const) {
    for (const oneTime of [true, false]) {
      const name = `${initiator.label} initiates ${oneTime ? 'with' : 'without'} a one-time key`
      const report = await converse(initiator, responder, { oneTime, messages, dice: diceOf(name) })
      const { sent, read, lost, letGo, epochs } = report
      check(epochs >= 8, `${name}: only ${epochs} epochs`)
      say(`${name}: ${sent} sent, ${read} read, ${lost} lost, ${letGo} too late for the limits, ${epochs} epochs`)
    }
  }
}
