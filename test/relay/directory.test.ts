/** The directory, as stories. */
import { expect, test } from 'vitest'
import type { Envelope } from '../../protocol/wire/mailbox.ts'
import { systemRandom } from '../../protocol/crypto/primitives.ts'
import type { DirectoryFrame } from '../../protocol/wire/directory.ts'
import { bundleOf, cardOf, createPerson, preKeys, publicationOf, type Person } from './people.ts'
import { Scene } from './scene.ts'

function words(frames: readonly DirectoryFrame[]): string[] {
  return frames.map((frame) => (frame.kind === 'refused' ? frame.reason : frame.kind))
}

function preKeyIds(frames: readonly DirectoryFrame[]): (number | undefined)[] {
  return frames.flatMap((frame) => (frame.kind === 'bundle' ? [frame.preKey?.id] : []))
}

function take(scene: Scene, person: Person): DirectoryFrame[] {
  return scene.ask(scene.open(), { kind: 'take-bundle', device: person.device })
}

test('what was published is found by whoever asks', () => {
  const scene = new Scene()
  const bob = createPerson()
  const publication = publicationOf(bob, scene.nowMs)
  expect(scene.ask(scene.open(bob.device), publication)).toEqual([{ kind: 'published', left: 100 }])
  const asker = scene.open()
  expect(scene.ask(asker, { kind: 'find-card', account: bob.account })).toEqual([
    { kind: 'card', card: publication.card },
  ])
  const [preKey] = publication.preKeys
  expect(scene.ask(asker, { kind: 'take-bundle', device: bob.device })).toEqual([
    { kind: 'bundle', bundle: publication.bundle, preKey },
  ])
  expect(words(scene.ask(asker, { kind: 'find-card', account: createPerson().account }))).toEqual(['not-found'])
  expect(words(take(scene, createPerson()))).toEqual(['not-found'])
})

test('a one-time prekey is handed out once; when none is left the bundle comes without', () => {
  const scene = new Scene()
  const bob = createPerson()
  scene.ask(scene.open(bob.device), publicationOf(bob, scene.nowMs, { preKeys: preKeys(1, 2) }))
  expect([...take(scene, bob), ...take(scene, bob), ...take(scene, bob)].map((f) => preKeyIds([f])[0])).toEqual([
    1,
    2,
    undefined,
  ])
})

test('the owner is told when few are left, and on subscribing', () => {
  const scene = new Scene()
  const bob = createPerson()
  scene.ask(scene.open(bob.device), publicationOf(bob, scene.nowMs, { preKeys: preKeys(1, 51) }))
  const stream = scene.subscribe(bob.device)
  expect(scene.mailed(stream).map(({ kind }) => kind)).toEqual(['page'])
  take(scene, bob)
  expect(scene.mailed(stream)).toEqual([]) // 50 are enough.
  take(scene, bob)
  expect(scene.mailed(stream)).toEqual([{ kind: 'prekeys-left', left: 49 }])
  expect(scene.mailed(scene.subscribe(bob.device))).toContainEqual({ kind: 'prekeys-left', left: 49 })
})

test('a relay that has forgotten a device says so when it subscribes', () => {
  const scene = new Scene()
  expect(scene.mailed(scene.subscribe(createPerson().device))).toContainEqual({ kind: 'prekeys-left', left: 0 })
})

test('publishing the same again changes nothing, and does not bring back a key that was handed out', () => {
  const scene = new Scene()
  const bob = createPerson()
  const publication = publicationOf(bob, scene.nowMs, { preKeys: preKeys(1, 3) })
  const stream = scene.open(bob.device)
  scene.ask(stream, publication)
  expect(preKeyIds(take(scene, bob))).toEqual([1])
  expect(scene.ask(stream, publication)).toEqual([{ kind: 'published', left: 2 }])
  expect(scene.ask(stream, { ...publication, version: 2 })).toEqual([{ kind: 'published', left: 2 }])
  expect(preKeyIds(take(scene, bob))).toEqual([2])
})

test('an older version or revision is stale', () => {
  const scene = new Scene()
  const bob = createPerson()
  const stream = scene.open(bob.device)
  const card = cardOf(bob, scene.nowMs, { revision: 5 })
  const now = publicationOf(bob, scene.nowMs, { version: 5, card, preKeys: [] })
  expect(words(scene.ask(stream, now))).toEqual(['published'])
  expect(words(scene.ask(stream, { ...now, version: 4 }))).toEqual(['stale'])
  expect(words(scene.ask(stream, { ...now, card: cardOf(bob, scene.nowMs, { revision: 4 }) }))).toEqual(['stale'])
})

test('never more than the cap of one-time prekeys', () => {
  const scene = new Scene({ preKeysKeptMax: 5 })
  const bob = createPerson()
  expect(scene.ask(scene.open(bob.device), publicationOf(bob, scene.nowMs))).toEqual([{ kind: 'published', left: 5 }])
})

test('what is not signed by whom it speaks of does not get in', () => {
  const scene = new Scene()
  const [bob, eve] = [createPerson(), createPerson()]
  const { nowMs } = scene
  const good = publicationOf(bob, nowMs)
  const flipped = (bytes: Uint8Array): Uint8Array => bytes.with(3, (bytes[3] ?? 0) ^ 1)
  const refused = (publication: DirectoryFrame, from: Person = bob): string[] =>
    words(scene.ask(scene.open(from.device), publication))

  expect(refused({ ...good, card: { ...good.card, signature: flipped(good.card.signature) } })).toEqual(['forged'])
  expect(refused({ ...good, card: { ...good.card, card: systemRandom.bytes(200) } })).toEqual(['malformed'])
  expect(refused({ ...good, card: cardOf(bob, nowMs, { expiresMs: nowMs - 10 * 86_400_000 }) })).toEqual(['stale'])
  // Somebody else's card, which does not list this device; and this device's card, brought by another.
  expect(refused({ ...good, card: cardOf(eve, nowMs) })).toEqual(['not-yours'])
  expect(refused(good, eve)).toEqual(['not-yours'])
  // Eve lists herself in a card of Bob's account, which she cannot sign.
  const devices = [{ device: eve.device, addresses: [] }]
  const eves = cardOf({ ...bob, accountSeed: eve.accountSeed }, nowMs, { devices })
  expect(refused(publicationOf(eve, nowMs, { card: eves }), eve)).toEqual(['forged'])
  // Bundles: another's, and this one's with either signature broken.
  expect(refused({ ...good, bundle: bundleOf(eve, nowMs) })).toEqual(['not-yours'])
  const { bundle } = good
  const signed = { ...bundle, signedPreKeySignature: flipped(bundle.signedPreKeySignature) }
  const kyber = { ...bundle, kyberPreKeySignature: flipped(bundle.kyberPreKeySignature) }
  expect(refused({ ...good, bundle: signed })).toEqual(['forged'])
  expect(refused({ ...good, bundle: kyber })).toEqual(['forged'])
  // Nothing of all this was kept.
  expect(scene.engine.run({ op: 'census', nowMs })).toMatchObject({ answer: { mailboxes: 0, cards: 0 } })
  expect(refused(good)).toEqual(['published'])
})

test('a link without an Ed25519 key publishes nothing', () => {
  const scene = new Scene()
  expect(words(scene.ask(scene.open(), publicationOf(createPerson(), scene.nowMs)))).toEqual(['not-yours'])
})

test('whoever asks for bundles too often is slowed down', () => {
  const scene = new Scene({ bundlesPerAsker: { burst: 1, perSecond: 1 } })
  const bob = scene.resident()
  const asker = scene.open()
  expect(words(scene.ask(asker, { kind: 'take-bundle', device: bob.device }))).toEqual(['bundle'])
  expect(words(scene.ask(asker, { kind: 'take-bundle', device: bob.device }))).toEqual(['rate-limited'])
  expect(words(take(scene, bob))).toEqual(['bundle'])
})

test('whoever looks up cards without end is slowed down', () => {
  const scene = new Scene({ cardLookups: { burst: 1, perSecond: 1 } })
  const { account } = scene.resident()
  const asker = scene.open()
  expect(words(scene.ask(asker, { kind: 'find-card', account }))).toEqual(['card'])
  expect(words(scene.ask(asker, { kind: 'find-card', account }))).toEqual(['rate-limited'])
})

test('a crowd that asks for one device gets its bundle, but not all of its one-time prekeys', () => {
  const scene = new Scene({ preKeysPerOwner: { burst: 2, perSecond: 1 } })
  const bob = scene.resident()
  const ids = Array.from({ length: 4 }, () => preKeyIds(take(scene, bob))[0])
  expect(ids).toEqual([1, 2, undefined, undefined])
  scene.nowMs += 1_000
  expect(preKeyIds(take(scene, bob))).toEqual([3])
})

test('no more mailboxes than the cap, but those that are here may publish again', () => {
  const scene = new Scene({ mailboxesMax: 1 })
  const bob = scene.resident()
  const newcomer = createPerson()
  expect(words(scene.ask(scene.open(newcomer.device), publicationOf(newcomer, scene.nowMs)))).toEqual(['full'])
  const again = publicationOf(bob, scene.nowMs, { version: 2 })
  expect(words(scene.ask(scene.open(bob.device), again))).toEqual(['published'])
})

test('a mailbox whose device has not published for too long is given up', () => {
  const scene = new Scene({ mailboxIdleMsMax: 1_000_000 })
  const bob = scene.resident()
  scene.tick(1_000_001)
  expect(words(take(scene, bob))).toEqual(['not-found'])
  expect(scene.engine.run({ op: 'census', nowMs: scene.nowMs })).toMatchObject({ answer: { mailboxes: 0, cards: 0 } })
})

test('a question before the last one was answered ends the stream, since answers carry no ids', () => {
  const bob = createPerson()
  const questions = (nowMs: number): readonly DirectoryFrame[] => [
    { kind: 'find-card', account: bob.account },
    { kind: 'take-bundle', device: bob.device },
    publicationOf(bob, nowMs),
  ]
  for (const i of [0, 1, 2]) {
    const scene = new Scene()
    const [first, second] = questions(scene.nowMs).slice(i).concat(questions(scene.nowMs))
    scene.storeSleeps = true
    const stream = scene.open(bob.device)
    for (const question of [first, second]) if (question !== undefined) scene.ask(stream, question)
    expect(scene.closed.has(stream)).toBe(true)
    scene.wake()
    const patient = scene.open(bob.device)
    for (const question of questions(scene.nowMs)) expect(scene.ask(patient, question)).toHaveLength(1)
    expect(scene.closed.has(patient)).toBe(false)
  }
})

test('whoever asks is told the time, and not without end', () => {
  const scene = new Scene({ cardLookups: { burst: 1, perSecond: 1 } })
  const asker = scene.open()
  expect(scene.ask(asker, { kind: 'ask-time' })).toEqual([{ kind: 'time', atMs: scene.nowMs }])
  expect(words(scene.ask(asker, { kind: 'ask-time' }))).toEqual(['rate-limited'])
})

test('with the time it is told that the last message could not be kept, until one can be or it is too long ago to know', () => {
  const scene = new Scene({ relayBytesMax: 600 })
  const [bob, asker] = [scene.resident(), scene.open()]
  const isFull = (): boolean => {
    const [answer] = scene.ask(asker, { kind: 'ask-time' })
    return answer?.kind === 'time' && answer.full === true
  }
  const sealed = (bytes: number): Envelope => scene.envelope({ sealed: new Uint8Array(bytes) })
  const failing = (refusal: 'busy' | 'failed'): void => {
    scene.storeSleeps = true
    scene.deposit(bob.device, sealed(10))
    scene.wake(refusal)
  }
  expect(isFull()).toBe(false)
  scene.deposit(bob.device, sealed(601))
  expect(isFull()).toBe(true)
  scene.deposit(bob.device, sealed(10))
  expect(isFull()).toBe(false)
  failing('busy')
  expect(isFull()).toBe(false)
  failing('failed')
  expect(isFull()).toBe(true)
  scene.tick(11 * 60_000)
  expect(isFull()).toBe(false)
})
