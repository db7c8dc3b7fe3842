/** Every question a store can be asked, and changes after which each has another answer. */
import type { Change } from '../../node/core/effects.ts'
import type { DeviceStore } from '../../node/io/store.ts'
import {
  accountOf,
  attempt,
  bytesOf,
  carded,
  delivery,
  deviceOf,
  envelopeIdOf,
  event,
  incoming,
  kyberPreKey,
  messageIdOf,
  outgoing,
  preKey,
  record,
  signedPreKey,
} from './store-samples.ts'

/** What `changes` will replace or drop. */
export const before: readonly Change[] = [
  { kind: 'put-fact', key: 'settings', value: Uint8Array.of(1) },
  { kind: 'put-contact', contact: carded(1, [1]) },
  { kind: 'put-message', message: incoming(1, 1, { state: 'held', position: 0 }) },
  { kind: 'put-message', message: outgoing(2, 1, { dispatched: false }) },
  { kind: 'put-delivery', delivery: delivery(2, 1) },
  { kind: 'put-delivery', delivery: delivery(3, 1) },
  { kind: 'add-attempt', attempt: attempt(3, 1) },
  { kind: 'put-session', device: deviceOf(1), record: record('before') },
  { kind: 'add-prekeys', preKeys: [preKey(1, 'a')] },
  { kind: 'put-signed-prekey', preKey: signedPreKey(1) },
  { kind: 'put-kyber-prekey', preKey: kyberPreKey(1) },
  { kind: 'add-base-key', mark: { signedPreKeyId: 1, kyberPreKeyId: 1, baseKey: bytesOf(1, 33) } },
  { kind: 'add-seen', envelopeId: envelopeIdOf(1), untilMs: 5 },
  { kind: 'put-invite', invite: { token: bytesOf(1, 16), createdMs: 1, expiresMs: 2 } },
  { kind: 'put-inbound', inbound: { device: deviceOf(1), account: accountOf(1), expected: 1 } },
  { kind: 'add-owed', owed: { account: accountOf(1), messageId: messageIdOf(1), state: 'delivered' } },
  { kind: 'add-owed', owed: { account: accountOf(1), messageId: messageIdOf(2), state: 'delivered' } },
  { kind: 'add-event', stored: event(1) },
]
/** Every kind of change, of which every question has a new answer. */
export const changes: readonly Change[] = [
  { kind: 'put-fact', key: 'settings', value: Uint8Array.of(2) },
  { kind: 'put-contact', contact: carded(1, [9], { name: 'else' }) },
  { kind: 'put-contact', contact: carded(2, [2]) },
  { kind: 'put-message', message: incoming(1, 1, { position: 8 }) },
  { kind: 'put-message', message: outgoing(2, 1, { state: 'read' }) },
  { kind: 'put-message', message: outgoing(9, 1) },
  {
    kind: 'put-delivery',
    delivery: delivery(2, 1, {
      order: 99,
      sealedFor: { envelopeId: envelopeIdOf(2), type: 3, ciphertext: bytesOf(2, 50) },
    }),
  },
  { kind: 'drop-delivery', messageId: messageIdOf(3), device: deviceOf(1) },
  { kind: 'add-attempt', attempt: attempt(2, 1) },
  { kind: 'put-session', device: deviceOf(1), record: record('after') },
  { kind: 'put-session', device: deviceOf(2), record: record('new') },
  { kind: 'add-prekeys', preKeys: [preKey(2, 'a'), preKey(3, 'a')] },
  { kind: 'drop-prekey', id: 1 },
  { kind: 'put-signed-prekey', preKey: signedPreKey(2) },
  { kind: 'drop-signed-prekey', id: 1 },
  { kind: 'put-kyber-prekey', preKey: kyberPreKey(2) },
  { kind: 'drop-kyber-prekey', id: 1 },
  { kind: 'add-base-key', mark: { signedPreKeyId: 2, kyberPreKeyId: 2, baseKey: bytesOf(2, 33) } },
  { kind: 'sweep-seen', beforeMs: 6 },
  { kind: 'add-seen', envelopeId: envelopeIdOf(2), untilMs: 7 },
  { kind: 'drop-invite', token: bytesOf(1, 16) },
  { kind: 'put-invite', invite: { token: bytesOf(2, 16), createdMs: 1, expiresMs: 2 } },
  { kind: 'put-inbound', inbound: { device: deviceOf(1), account: accountOf(1), expected: 2 } },
  { kind: 'drop-owed', owed: { account: accountOf(1), messageId: messageIdOf(1), state: 'delivered' } },
  { kind: 'add-owed', owed: { account: accountOf(1), messageId: messageIdOf(3), state: 'read' } },
  { kind: 'add-event', stored: event(2) },
  { kind: 'drop-events', upTo: 1 },
]

/** Every question, asked about the rows the samples use. */
export function answersOf(store: DeviceStore): Record<string, unknown> {
  const small = [1, 2, 3, 4, 5, 6, 7, 8, 9]
  const people = small.map((n) => accountOf(n))
  const devices = small.map((n) => deviceOf(n))
  const messages = small.map((n) => messageIdOf(n))
  const envelopes = small.map((n) => envelopeIdOf(n))
  const marks = small
    .slice(0, 4)
    .flatMap((signed) =>
      small
        .slice(0, 4)
        .map((kyber) => ({ signedPreKeyId: signed, kyberPreKeyId: kyber, baseKey: bytesOf(signed, 33) })),
    )
  return {
    fact: (['own-card', 'bundle-version', 'next-prekey', 'settings', 'identity'] as const).map((key) =>
      store.fact(key),
    ),
    contact: people.map((account) => store.contact(account)),
    contactOfDevice: devices.map((device) => store.contactOfDevice(device)),
    contactNamed: small.map((n) => store.contactNamed(`person ${n}`)),
    contacts: store.contacts(),
    message: people.flatMap((who) =>
      messages.flatMap((id) => [store.message(who, true, id), store.message(who, false, id)]),
    ),
    findMessage: messages.map((id) => store.findMessage(id)),
    history: people.flatMap((account) => [
      store.history(account, 3),
      store.history(account, 3, 5),
      store.history(account, 99),
    ]),
    lastPosition: store.lastPosition(),
    held: devices.map((device) => store.held(device)),
    heldDevices: store.heldDevices(),
    heldOf: people.map((account) => store.heldOf(account)),
    undispatched: people.map((account) => store.undispatched(account)),
    deliveriesOf: messages.map((id) => store.deliveriesOf(id)),
    deliveries: store.deliveries(),
    attempts: messages.map((id) => store.attempts(id)),
    session: devices.map((device) => store.session(device)),
    preKey: small.map((id) => store.preKey(id)),
    signedPreKey: small.map((id) => store.signedPreKey(id)),
    kyberPreKey: small.map((id) => store.kyberPreKey(id)),
    wasBaseKeyUsed: marks.map((mark) => store.wasBaseKeyUsed(mark)),
    signedPreKeys: store.signedPreKeys(),
    kyberPreKeys: store.kyberPreKeys(),
    preKeysOf: ['a', 'b'].map((relay) => store.preKeysOf(relay)),
    seen: envelopes.map((id) => store.seen(id)),
    invite: small.map((n) => store.invite(bytesOf(n, 16))),
    invites: store.invites(),
    inbound: devices.map((device) => store.inbound(device)),
    owed: store.owed(),
    events: [store.events(0, 99), store.events(2, 2)],
    lastEventSeq: store.lastEventSeq(),
  }
}
