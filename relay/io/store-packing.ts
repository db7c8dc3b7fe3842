/**
 * A batch of calls on its way to the database's thread, and its outcomes on their way back. Deposits are most of what
 * travels there. Copied as the objects they are, each would cost as much as writing it to the database; so they go as bytes
 * in one buffer that changes hands, and are answered by a word. Everything else goes as it is.
 */
import { deviceIdOf, envelopeIdOf, keyLength, messageIdLength } from '../../protocol/ids.ts'
import type { StoreCall, StoreOutcome } from '../core/store-calls.ts'

export interface PackedCalls {
  /** In order; a number stands for so many deposits, which are next in the buffer. */
  readonly calls: readonly (StoreCall | number)[]
  readonly deposits: Uint8Array<ArrayBuffer>
}

/** `stored`: the deposit was kept as it came, and nothing had to make way. */
export type PackedOutcome = StoreOutcome | 'stored'

type Enqueue = Extract<StoreCall, { op: 'enqueue' }>

/** Mailbox, id, urgency, when it came, when it expires, length; then the sealed bytes. */
const idsBytes = keyLength + messageIdLength
const at = {
  id: keyLength,
  urgency: idsBytes,
  now: idsBytes + 1,
  expires: idsBytes + 9,
  length: idsBytes + 17,
  sealed: idsBytes + 21,
} as const

export function packCalls(calls: readonly StoreCall[]): PackedCalls {
  let bytes = 0
  for (const call of calls) if (call.op === 'enqueue') bytes += at.sealed + call.envelope.sealed.length
  const buffer = Buffer.from(new ArrayBuffer(bytes))
  const packed: (StoreCall | number)[] = []
  let offset = 0
  for (const call of calls) {
    if (call.op === 'enqueue') {
      offset = write(buffer, offset, call)
      const last = packed.at(-1)
      if (typeof last === 'number') packed[packed.length - 1] = last + 1
      else packed.push(1)
    } else packed.push(call)
  }
  return { calls: packed, deposits: new Uint8Array(buffer.buffer) }
}

export function unpackCalls({ calls, deposits }: PackedCalls): StoreCall[] {
  const buffer = Buffer.from(deposits.buffer, deposits.byteOffset, deposits.byteLength)
  const unpacked: StoreCall[] = []
  let offset = 0
  for (const call of calls) {
    if (typeof call !== 'number') unpacked.push(call)
    else {
      for (let i = 0; i < call; i++) {
        const deposit = read(buffer, offset)
        offset += at.sealed + deposit.envelope.sealed.length
        unpacked.push(deposit)
      }
    }
  }
  return unpacked
}

export function packOutcome(outcome: StoreOutcome): PackedOutcome {
  if (!outcome.ok || outcome.op !== 'enqueue') return outcome
  return outcome.answer.state === 'stored' && outcome.answer.pruned.length === 0 ? 'stored' : outcome
}

/** `call` is what it answers. */
export function unpackOutcome(outcome: PackedOutcome, call: StoreCall): StoreOutcome {
  if (outcome !== 'stored') return outcome
  if (call.op !== 'enqueue') return { ok: false, reason: 'failed' }
  const { nowMs, envelope } = call
  const answer = { state: 'stored', storedMs: nowMs, expiresMs: envelope.expiresMs, pruned: [] } as const
  return { ok: true, op: 'enqueue', answer }
}

function write(buffer: Buffer, offset: number, { mailbox, envelope, nowMs }: Enqueue): number {
  const { id, urgency, expiresMs, sealed } = envelope
  buffer.write(mailbox, offset, keyLength, 'hex')
  buffer.write(id, offset + at.id, messageIdLength, 'hex')
  buffer[offset + at.urgency] = urgency
  buffer.writeDoubleLE(nowMs, offset + at.now)
  buffer.writeDoubleLE(expiresMs, offset + at.expires)
  buffer.writeUInt32LE(sealed.length, offset + at.length)
  buffer.set(sealed, offset + at.sealed)
  return offset + at.sealed + sealed.length
}

function read(buffer: Buffer, offset: number): Enqueue {
  const from = offset + at.sealed
  return {
    op: 'enqueue',
    mailbox: deviceIdOf(buffer.subarray(offset, offset + keyLength)),
    nowMs: buffer.readDoubleLE(offset + at.now),
    envelope: {
      id: envelopeIdOf(buffer.subarray(offset + at.id, offset + at.id + messageIdLength)),
      urgency: buffer[offset + at.urgency] ?? 0,
      expiresMs: buffer.readDoubleLE(offset + at.expires),
      sealed: buffer.subarray(from, from + buffer.readUInt32LE(offset + at.length)),
    },
  }
}
