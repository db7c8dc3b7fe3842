/** Every message on the wire: what is written is read back, and what nobody wrote is refused without a fault of ours. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Codec } from '../../../protocol/codec/schema.ts'
import { accountIdOf, deviceIdOf, envelopeIdOf, messageIdOf } from '../../../protocol/ids.ts'
import { signedCard } from '../../../protocol/wire/card.ts'
import { body, content, type Body, type Content } from '../../../protocol/wire/content.ts'
import { directFrame, type DirectFrame } from '../../../protocol/wire/direct.ts'
import { directoryFrame, type DirectoryFrame } from '../../../protocol/wire/directory.ts'
import { mailboxFrame, type Envelope, type MailboxFrame } from '../../../protocol/wire/mailbox.ts'
import { sealedMessage } from '../../../protocol/wire/sealed.ts'

const bytes = (length: number, max = length) => fc.uint8Array({ minLength: length, maxLength: max })
const account = bytes(32).map(accountIdOf)
const device = bytes(32).map(deviceIdOf)
const messageId = bytes(16).map(messageIdOf)
const envelopeId = bytes(16).map(envelopeIdOf)
const timeMs = fc.integer({ min: 0, max: 2 ** 48 })
const small = fc.nat(100)
const text = fc.string({ unit: 'grapheme', maxLength: 40 })

const card = fc.record({ card: bytes(1, 200), signature: bytes(64) })
const envelope: fc.Arbitrary<Envelope> = fc.record({
  id: envelopeId,
  urgency: fc.nat(5),
  expiresMs: timeMs,
  sealed: bytes(1, 300),
})
const bundle = fc.record({
  registrationId: fc.nat(0x3fff),
  deviceId: fc.nat(127),
  identityKey: bytes(33),
  signedPreKeyId: fc.nat(0xff_ffff),
  signedPreKey: bytes(33),
  signedPreKeySignature: bytes(64),
  kyberPreKeyId: fc.nat(0xff_ffff),
  kyberPreKey: bytes(1569),
  kyberPreKeySignature: bytes(64),
})
const preKey = fc.record({ id: fc.nat(0xff_ffff), key: bytes(33) })
const loss = fc.constantFrom('pruned', 'expired')

const kind = <K extends string>(word: K): fc.Arbitrary<K> => fc.constant(word)

const directFrames: fc.Arbitrary<DirectFrame> = fc.oneof(
  fc.record({
    kind: kind('message'),
    id: envelopeId,
    type: fc.constantFrom(2 as const, 3 as const),
    ciphertext: bytes(1, 300),
  }),
  fc.record({ kind: kind('ack'), ids: fc.array(envelopeId, { maxLength: 5 }) }),
  fc.record({ kind: kind('refuse'), id: envelopeId, reason: fc.constantFrom('undecryptable', 'refused', 'busy') }),
)

const mailboxFrames: fc.Arbitrary<MailboxFrame> = fc.oneof(
  fc.record({ kind: kind('deposit'), mailbox: device, envelope }),
  fc.record({
    kind: kind('stored'),
    receipt: fc.record({
      taken: fc.array(fc.record({ mailbox: device, id: envelopeId, storedMs: timeMs, expiresMs: timeMs }), {
        maxLength: 4,
      }),
      signature: bytes(64),
    }),
  }),
  fc.record({ kind: kind('delivered'), ids: fc.array(envelopeId, { maxLength: 5 }) }),
  fc.record({ kind: kind('refused'), id: envelopeId, reason: fc.constantFrom('full', 'busy'), retryMs: timeMs }),
  fc.record({ kind: kind('room'), mailbox: device }),
  fc.record({ kind: kind('lost'), id: envelopeId, reason: loss }),
  fc.record({ kind: kind('subscribe'), credit: small }),
  fc.record({ kind: kind('more'), credit: small }),
  fc.record({ kind: kind('ack'), ids: fc.array(envelopeId, { maxLength: 5 }) }),
  fc.record({ kind: kind('page'), envelopes: fc.array(envelope, { maxLength: 4 }), empty: fc.boolean() }),
  fc.record({
    kind: kind('tombstones'),
    lost: fc.array(fc.record({ id: envelopeId, reason: loss, atMs: timeMs }), { maxLength: 4 }),
  }),
  fc.record({ kind: kind('prekeys-left'), left: small }),
  fc.record({ kind: kind('closing'), elsewhere: fc.array(fc.string({ maxLength: 40 }), { maxLength: 3 }) }),
)

const directoryFrames: fc.Arbitrary<DirectoryFrame> = fc.oneof(
  fc.record({ kind: kind('publish'), version: timeMs, card, bundle, preKeys: fc.array(preKey, { maxLength: 4 }) }),
  fc.record({ kind: kind('published'), left: small }),
  fc.record({ kind: kind('find-card'), account }),
  fc.record({ kind: kind('card'), card }),
  fc.record({ kind: kind('take-bundle'), device }),
  fc.record({ kind: kind('bundle'), bundle }),
  fc.record({ kind: kind('bundle'), bundle, preKey }),
  fc.record({ kind: kind('refused'), reason: fc.constantFrom('not-found', 'stale'), retryMs: timeMs }),
  fc.record({ kind: kind('ask-time') }),
  fc.record({ kind: kind('time'), atMs: timeMs }),
  fc.record({ kind: kind('time'), atMs: timeMs, full: fc.boolean() }),
)

const bodies: fc.Arbitrary<Body> = fc.oneof(
  fc.record({ kind: kind('hello') }),
  fc.record({ kind: kind('text'), text }),
  fc.record({
    kind: kind('receipt'),
    state: fc.constantFrom('delivered', 'read'),
    ids: fc.array(messageId, { maxLength: 4 }),
  }),
  fc.record({ kind: kind('retry'), ids: fc.array(envelopeId, { maxLength: 4 }) }),
  fc.record({ kind: kind('card'), card }),
)

const contents: fc.Arbitrary<Content> = fc.oneof(
  fc.record({ id: messageId, sentMs: timeMs, seq: small, floor: small, body: bytes(1, 100) }),
  fc.record({
    id: messageId,
    sentMs: timeMs,
    seq: small,
    floor: small,
    introduction: fc.oneof(fc.record({ card }), fc.record({ card, token: bytes(16) })),
    body: bytes(1, 100),
  }),
)

const sealedMessages = fc.record({
  sender: device,
  type: fc.constantFrom(2 as const, 3 as const),
  ciphertext: bytes(1, 300),
})

describe('direct', () => behaves(directFrame, directFrames))
describe('mailbox', () => behaves(mailboxFrame, mailboxFrames))
describe('directory', () => behaves(directoryFrame, directoryFrames))
describe('body', () => behaves(body, bodies))
describe('content', () => behaves(content, contents))
describe('signed card', () => behaves(signedCard, card))
describe('sealed message', () => behaves(sealedMessage, sealedMessages))

function behaves<T>(codec: Codec<T>, values: fc.Arbitrary<T>): void {
  test('what is written is read back', () => {
    fc.assert(
      fc.property(values, (value) => {
        expect(codec.decode(codec.encode(value))).toEqual(value)
      }),
    )
  })

  test('garbage is read or refused, never thrown over', () => {
    fc.assert(
      fc.property(bytes(0, 400), (garbage) => {
        codec.decode(garbage)
      }),
    )
  })

  test('a piece of a message is refused or is another message, and reading it never throws', () => {
    fc.assert(
      fc.property(values, fc.nat(), (value, cut) => {
        const encoded = codec.encode(value)
        codec.decode(encoded.subarray(0, cut % (encoded.length + 1)))
      }),
    )
  })

  test('a message with any one byte changed is read or refused, never thrown over', () => {
    fc.assert(
      fc.property(values, fc.nat(), fc.integer({ min: 1, max: 255 }), (value, at, flip) => {
        const changed = new Uint8Array(codec.encode(value))
        if (changed.length === 0) return
        changed[at % changed.length] = (changed[at % changed.length] ?? 0) ^ flip
        codec.decode(changed)
      }),
    )
  })
}

test('a frame with two messages in it is no frame', () => {
  const one = mailboxFrame.encode({ kind: 'subscribe', credit: 1 })
  expect(mailboxFrame.decode(new Uint8Array([...one, ...one]))).toBeUndefined()
})

test('a field that stands twice is refused, since two readers might take different ones', () => {
  const id = messageIdOf(new Uint8Array(16))
  const once = content.encode({ id, sentMs: 1, seq: 1, floor: 1, body: Uint8Array.of(1) })
  expect(content.decode(new Uint8Array([...once, 3 << 3, 2]))).toBeUndefined()
})

test('a field of a later version is stepped over', () => {
  const id = messageIdOf(new Uint8Array(16))
  const value = { id, sentMs: 1, seq: 1, floor: 1, body: Uint8Array.of(1) }
  expect(content.decode(new Uint8Array([...content.encode(value), ((100 << 3) & 0x7f) | 0x80, 100 >> 4, 7]))).toEqual(
    value,
  )
})

test('groups are refused, however deep', () => {
  expect(content.decode(new Uint8Array(100_000).fill((9 << 3) | 3))).toBeUndefined()
})

test('ill-formed UTF-8 and a text over its limit are refused', () => {
  expect(body.decode(Uint8Array.of(0x12, 3, 0x0a, 1, 0xff))).toBeUndefined()
  expect(body.decode(body.encode({ kind: 'text', text: 'x'.repeat(65_536) }))).toBeDefined()
  expect(body.decode(body.encode({ kind: 'text', text: 'x'.repeat(65_537) }))).toBeUndefined()
})
