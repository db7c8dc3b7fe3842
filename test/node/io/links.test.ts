import { expect, test } from 'vitest'
import { bytesToHex } from '@noble/hashes/utils.js'
import { sha256, systemRandom } from '../../../protocol/crypto/primitives.ts'
import { envelopeIdOf } from '../../../protocol/ids.ts'
import { directFrame, directProtocol, type DirectFrame } from '../../../protocol/wire/direct.ts'
import { cableTo, deadPort, link, rawStream, silentPort, someDevice, startDevice } from './support.ts'

type Message = Extract<DirectFrame, { kind: 'message' }>

function message(bytes = 100): Message {
  return { kind: 'message', id: envelopeIdOf(systemRandom.bytes(16)), type: 2, ciphertext: systemRandom.bytes(bytes) }
}

/** Every byte of a frame, short enough to be shown when it differs. */
function print(frame: DirectFrame): string {
  return bytesToHex(sha256(directFrame.encode(frame)))
}

test('a link carries frames both ways, and each side knows the other by its key', async () => {
  const [alice, bob] = [await startDevice(), await startDevice()]
  const { ours, theirs } = await link(alice, bob)
  expect(alice.heard.of('link-risen')[0]).toMatchObject({ device: bob.id, address: bob.address })
  expect(bob.heard.of('link-risen')[0]).toMatchObject({ device: alice.id })

  const [said, answered] = [message(), message(50_000)]
  alice.network.perform({ kind: 'send', link: ours, frame: said })
  const heard = await bob.heard.next('frame-received')
  expect([heard.link, print(heard.frame)]).toEqual([theirs, print(said)])
  bob.network.perform({ kind: 'send', link: theirs, frame: answered })
  const back = await alice.heard.next('frame-received')
  expect([back.link, print(back.frame)]).toEqual([ours, print(answered)])
})

test('a link that is closed is lost once on either side', async () => {
  const [alice, bob] = [await startDevice(), await startDevice()]
  const { ours } = await link(alice, bob)
  alice.network.perform({ kind: 'close-link', link: ours, reason: 'not a contact' })
  alice.network.perform({ kind: 'close-link', link: ours, reason: 'not a contact' })
  alice.network.perform({ kind: 'send', link: ours, frame: message() })
  await Promise.all([alice.heard.next('link-lost'), bob.heard.next('link-lost')])
  await alice.network.stop()
  await bob.network.stop()
  expect([alice.heard.of('link-lost').length, bob.heard.of('link-lost').length]).toEqual([1, 1])
})

test('the device asked for must answer, not merely someone', async () => {
  const [alice, bob] = [await startDevice(), await startDevice()]
  const carol = someDevice()
  alice.network.perform({ kind: 'dial', device: carol, addresses: [bob.address] })
  expect(await alice.heard.next('dial-failed')).toEqual({
    kind: 'dial-failed',
    device: carol,
    called: false,
    reason: 'someone else answered',
  })
  expect(bob.heard.of('link-risen')).toEqual([])
})

test('every dial ends, and says why', async () => {
  const alice = await startDevice({ reach: { dialMsMax: 300 } })
  const reasonFor = async (addresses: readonly string[]): Promise<string> => {
    alice.network.perform({ kind: 'dial', device: someDevice(), addresses })
    return (await alice.heard.next('dial-failed')).reason
  }
  expect(await reasonFor([await deadPort()])).toBe('connection refused')
  expect(await reasonFor([await silentPort(), await silentPort()])).toBe('no answer')
  expect(await reasonFor([])).toBe('no address that can be dialled')
  expect(await reasonFor(['nonsense', '/ip4/1.2.3.4/udp/1/quic-v1'])).toBe('no address that can be dialled')
})

test('of several addresses the first to answer is enough', async () => {
  const [alice, bob] = [await startDevice(), await startDevice()]
  const addresses = [await silentPort(), await deadPort(), await silentPort(), bob.address]
  alice.network.perform({ kind: 'dial', device: bob.id, addresses })
  expect(await alice.heard.next('link-risen')).toMatchObject({ device: bob.id, address: bob.address })
})

test.each([
  ['garbage', Uint8Array.of(3, 0xff, 0xff, 0xff)],
  ['a frame beyond every limit', Uint8Array.of(0xff, 0xff, 0xff, 0x7f, 1, 2, 3)],
])('%s ends the link it came on, and no other', async (_, bytes) => {
  const [alice, bob] = [await startDevice(), await startDevice()]
  const { ours, theirs } = await link(alice, bob)
  const stream = await rawStream(bob, directProtocol)
  const { link: bad } = await bob.heard.next('link-risen')
  stream.send(bytes)
  expect(await bob.heard.next('link-lost')).toMatchObject({ link: bad })

  alice.network.perform({ kind: 'send', link: ours, frame: message() })
  expect(await bob.heard.next('frame-received')).toMatchObject({ link: theirs })
})

test('a stranger who says nothing is shown the door; a friend may be silent', async () => {
  const alice = await startDevice()
  const friends = new Set([alice.id])
  const bob = await startDevice({ strangerIdleMsMax: 200, isFriend: (device) => friends.has(device) })
  const friend = await link(alice, bob)
  await rawStream(bob, directProtocol)
  const stranger = await bob.heard.next('link-risen')
  expect(await bob.heard.next('link-lost')).toEqual({ kind: 'link-lost', link: stranger.link, reason: 'idle' })

  bob.network.perform({ kind: 'send', link: friend.theirs, frame: message() })
  expect(await alice.heard.next('frame-received')).toMatchObject({ link: friend.ours })
})

test('a stranger who was answered stays; one who was refused does not', async () => {
  const bob = await startDevice({ strangerIdleMsMax: 200, isFriend: () => false })
  const [alice, mallory] = [await startDevice(), await startDevice()]
  const [answered, refused] = [await link(alice, bob), await link(mallory, bob)]
  const { id } = message()
  bob.network.perform({ kind: 'send', link: answered.theirs, frame: { kind: 'ack', ids: [id] } })
  bob.network.perform({ kind: 'send', link: refused.theirs, frame: { kind: 'refuse', id, reason: 'refused' } })
  expect(await bob.heard.next('link-lost')).toMatchObject({ link: refused.theirs })
  bob.network.perform({ kind: 'send', link: answered.theirs, frame: message() })
  await alice.heard.count('frame-received', 2)
})

test('strangers at the door are bounded: the newest takes the place of the oldest', async () => {
  const bob = await startDevice({ isFriend: () => false })
  const risen: number[] = []
  for (let i = 0; i < 33; i++) {
    await rawStream(bob, directProtocol)
    risen.push((await bob.heard.next('link-risen')).link)
  }
  expect(await bob.heard.next('link-lost')).toMatchObject({ link: risen[0] })
  expect(bob.heard.of('link-lost').length).toBe(1)
})

test('a device has two links at most: a third takes the place of the first', async () => {
  const [alice, bob] = [await startDevice(), await startDevice()]
  const first = await link(alice, bob)
  await link(bob, alice)
  await link(bob, alice)
  expect(await alice.heard.count('link-lost', 1)).toMatchObject([{ link: first.ours }])
  await bob.heard.count('link-lost', 1)
})

test('a link whose other side has vanished without a word is lost within the pulse', async () => {
  const pulse = { intervalMs: 50, answerMsMax: 100 }
  const [alice, bob] = [await startDevice({ pulse }), await startDevice({ pulse })]
  const cable = await cableTo(bob.address)
  alice.network.perform({ kind: 'dial', device: bob.id, addresses: [cable.address] })
  const { link: ours } = await alice.heard.next('link-risen')
  await bob.heard.next('link-risen')
  cable.cut()
  const startMs = performance.now()
  expect(await alice.heard.next('link-lost')).toMatchObject({ link: ours })
  expect(performance.now() - startMs).toBeLessThan(2_000)
})

test('while the core is behind, a link is paused; it loses nothing', async () => {
  let backlog = 0
  const bob = await startDevice({ backlog: () => backlog })
  const alice = await startDevice()
  const { ours } = await link(alice, bob)
  const frames = Array.from({ length: 400 }, () => message(10_000)) // Four megabytes: far more than the window.
  backlog = 1_000
  for (const frame of frames) alice.network.perform({ kind: 'send', link: ours, frame })
  await bob.heard.next('frame-received')
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve))
  expect(bob.heard.of('frame-received').length).toBeLessThan(200)
  backlog = 0
  const received = await bob.heard.count('frame-received', frames.length)
  expect(received.map(({ frame }) => print(frame))).toEqual(frames.map(print))
})
