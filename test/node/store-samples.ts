/** Small, valid rows for the tests of the store, and a session layer whose records are words. */
import { LocalError } from '../../protocol/errors.ts'
import type { AccountId, DeviceId, EnvelopeId, MessageId } from '../../protocol/ids.ts'
import type { KyberPreKey, SessionRecord, SignedPreKey } from '../../protocol/session/types.ts'
import type { Change } from '../../node/core/effects.ts'
import type { Attempt, Contact, Delivery, Message, PooledPreKey, StoredEvent } from '../../node/core/state.ts'
import type { DeviceStore } from '../../node/io/store.ts'
import type { RecordCodec } from '../../node/io/store-sessions.ts'

export const accountOf = (n: number): AccountId => `a${n.toString(16).padStart(63, '0')}` as AccountId
export const deviceOf = (n: number): DeviceId => `d${n.toString(16).padStart(63, '0')}` as DeviceId
export const messageIdOf = (n: number): MessageId => n.toString(16).padStart(32, '0') as MessageId
export const envelopeIdOf = (n: number): EnvelopeId => `e${n.toString(16).padStart(31, '0')}` as EnvelopeId
export const bytesOf = (n: number, length: number): Uint8Array => new Uint8Array(length).fill(n)

/** A time in full: larger than 32 bits. */
export const nowMs = 1_800_000_000_000

export function contact(n: number, more: Partial<Contact> = {}): Contact {
  return {
    account: accountOf(n),
    name: `person ${n}`,
    state: 'added',
    hints: [],
    introduced: false,
    verified: false,
    nextSeq: 1,
    addedMs: nowMs + n,
    ...more,
  }
}

/** A contact with a card that lists these devices. */
export function carded(n: number, devices: readonly number[], more: Partial<Contact> = {}): Contact {
  return contact(n, {
    card: {
      account: accountOf(n),
      name: `Person ${n}`,
      revision: 3,
      issuedMs: nowMs,
      expiresMs: nowMs + 1,
      devices: devices.map((d) => ({ device: deviceOf(d), addresses: ['/ip4/192.0.2.1/tcp/4001'] })),
      relays: ['/dns4/relay.example/tcp/4002'],
    },
    signedCard: { card: bytesOf(n, 90), signature: bytesOf(n + 1, 64) },
    ...more,
  })
}

export function outgoing(n: number, to: number, more: Partial<Message> = {}): Message {
  return {
    id: messageIdOf(n),
    conversation: accountOf(to),
    outgoing: true,
    body: bytesOf(n, 20),
    seq: n,
    sentMs: nowMs + n,
    state: 'queued',
    position: n,
    expiresMs: nowMs + 1_000,
    dispatched: true,
    ...more,
  }
}

export function incoming(n: number, from: number, more: Partial<Message> = {}): Message {
  return {
    id: messageIdOf(n),
    conversation: accountOf(from),
    outgoing: false,
    device: deviceOf(from),
    body: bytesOf(n, 20),
    seq: n,
    sentMs: nowMs + n,
    receivedMs: nowMs + n + 1,
    state: 'shown',
    position: n,
    ...more,
  }
}

export function delivery(n: number, to: number, more: Partial<Delivery> = {}): Delivery {
  return {
    messageId: messageIdOf(n),
    device: deviceOf(to),
    account: accountOf(to),
    visible: true,
    body: bytesOf(n, 20),
    seq: n,
    sentMs: nowMs,
    expiresMs: nowMs + 1_000,
    order: n,
    urgency: 3,
    ...more,
  }
}

export function attempt(n: number, atMs: number, more: Partial<Attempt> = {}): Attempt {
  return { messageId: messageIdOf(n), atMs, route: 'relay', via: '/dns4/relay.example', outcome: 'no answer', ...more }
}

export function preKey(id: number, relay: string): PooledPreKey {
  return { id, relay, publicKey: bytesOf(id, 33), privateKey: bytesOf(id + 1, 32) }
}

export function signedPreKey(id: number): SignedPreKey {
  const { relay: _, ...key } = preKey(id, '')
  return { ...key, signature: bytesOf(id + 2, 64), createdMs: nowMs + id }
}

export function kyberPreKey(id: number): KyberPreKey {
  return {
    id,
    publicKey: bytesOf(id, 1569),
    privateKey: bytesOf(id + 1, 64),
    signature: bytesOf(id + 2, 64),
    createdMs: nowMs + id,
  }
}

export function event(seq: number): StoredEvent {
  return {
    seq,
    event: {
      type: 'message',
      id: messageIdOf(seq),
      conversation: accountOf(1),
      from: 'person 1',
      text: `event ${seq}`,
      sentAt: '2026-01-01T00:00:00.000Z',
      receivedAt: '2026-01-01T00:00:01.000Z',
      via: 'direct',
    },
  }
}

interface WordRecord extends SessionRecord {
  readonly word: string
}

export function record(word: string): SessionRecord {
  const made: WordRecord = { kind: 'session-record', word }
  return made
}

/** Counts, so that a test can say how often a record was encoded or decoded. */
export function wordSessions(): RecordCodec & { encoded: number; decoded: number } {
  return {
    encoded: 0,
    decoded: 0,
    encodeRecord(session) {
      this.encoded++
      return new TextEncoder().encode(`word:${(session as WordRecord).word}`)
    },
    decodeRecord(bytes) {
      this.decoded++
      const text = new TextDecoder().decode(bytes)
      if (!text.startsWith('word:')) throw new LocalError('not a record')
      return record(text.slice(5))
    },
  }
}

/** Applies and commits, as the driver does. */
export function keep(store: DeviceStore, ...changes: readonly Change[]): void {
  store.begin()
  for (const change of changes) store.apply(change)
  store.commit()
}
