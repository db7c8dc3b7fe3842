/** A device is reached through its own relay: a real one, that comes and goes. */
import { expect, test } from 'vitest'
import { createRelay, type Relay } from '../../../relay/index.ts'
import { freePort } from '../../e2e/ports.ts'
import { scratch } from '../../e2e/processes.ts'
import { atEnd, startDevice, type TestDevice } from './support.ts'

async function relayOn(port: number, dataDir: string): Promise<Relay> {
  const relay = await createRelay({ dataDir, listen: [`/ip4/127.0.0.1/tcp/${port}`] })
  atEnd(() => relay.stop())
  await relay.start()
  return relay
}

/** One of its own for each test. */
async function newRelay(): Promise<Relay> {
  const folder = scratch()
  atEnd(folder.remove)
  return relayOn(await freePort(), folder.path('relay'))
}

async function toldCircuit(device: TestDevice): Promise<string> {
  for (;;) {
    const told = device.heard
      .of('listening')
      .at(-1)
      ?.addresses.find((address) => address.endsWith('/p2p-circuit'))
    if (told !== undefined) return told
    await device.heard.next('listening')
  }
}

test('the relay grants a circuit, an address says so, and whoever dials it has a link', async () => {
  const relay = (await newRelay()).addresses[0]!
  const [alice, bob] = [await startDevice(), await startDevice()]
  bob.network.perform({ kind: 'connect-relay', relay })
  const circuit = await toldCircuit(bob)
  expect(circuit).toBe(`${relay}/p2p-circuit`)
  alice.network.perform({ kind: 'dial', device: bob.id, addresses: [circuit] })
  const [risen, answered] = await Promise.all([alice.heard.next('link-risen'), bob.heard.next('link-risen')])
  expect(risen).toMatchObject({ device: bob.id, address: circuit })
  expect(answered).toMatchObject({ device: alice.id })
})

test('after the relay was away the reservation is made again, and the address never went', async () => {
  const folder = scratch()
  atEnd(folder.remove)
  const port = await freePort()
  const first = await relayOn(port, folder.path('relay'))
  const relay = first.addresses[0]!
  const bob = await startDevice()
  bob.network.perform({ kind: 'connect-relay', relay })
  const circuit = await toldCircuit(bob)
  const toldBefore = bob.heard.of('listening').length
  await first.stop()
  await bob.heard.next('relay-lost')
  const second = await relayOn(port, folder.path('relay'))
  bob.network.perform({ kind: 'connect-relay', relay })
  await expect.poll(async () => (await second.status()).reservations).toBe(1)
  expect(bob.heard.of('listening').length).toBe(toldBefore)
  const alice = await startDevice()
  alice.network.perform({ kind: 'dial', device: bob.id, addresses: [circuit] })
  expect(await alice.heard.next('link-risen')).toMatchObject({ device: bob.id })
})

test('a circuit that was granted before is told from the start, until the relay will not', async () => {
  const folder = scratch()
  atEnd(folder.remove)
  const listen = [`/ip4/127.0.0.1/tcp/${await freePort()}`]
  const full = await createRelay({ dataDir: folder.path('relay'), listen, limits: { reservationsMax: 0 } })
  atEnd(() => full.stop())
  await full.start()
  const [relay = ''] = full.addresses
  const bob = await startDevice({ granted: [relay] })
  const told = (): readonly string[] => bob.heard.of('listening').at(-1)?.addresses ?? []
  expect(told()).toContain(`${relay}/p2p-circuit`)
  expect(bob.heard.of('listening').length).toBe(1)
  bob.network.perform({ kind: 'connect-relay', relay })
  await expect.poll(told, { timeout: 10_000 }).not.toContain(`${relay}/p2p-circuit`)
})

test('a direct address is tried before a circuit, and taken when it answers', async () => {
  const relay = (await newRelay()).addresses[0]!
  const [alice, bob] = [await startDevice(), await startDevice()]
  bob.network.perform({ kind: 'connect-relay', relay })
  const circuit = await toldCircuit(bob)
  alice.network.perform({ kind: 'dial', device: bob.id, addresses: [circuit, bob.address] })
  expect(await alice.heard.next('link-risen')).toMatchObject({ address: bob.address })
})

test('with circuits off none is told and none is dialled', async () => {
  const running = await newRelay()
  const relay = running.addresses[0]!
  const [alice, bob] = [await startDevice({ circuits: false }), await startDevice({ circuits: false })]
  bob.network.perform({ kind: 'connect-relay', relay })
  await bob.heard.next('relay-risen')
  expect((await running.status()).reservations).toBe(0)
  alice.network.perform({ kind: 'dial', device: bob.id, addresses: [`${relay}/p2p-circuit`] })
  expect(await alice.heard.next('dial-failed')).toMatchObject({ reason: 'no address that can be dialled' })
})

test('whatever is asked of our relay first, the connection it leaves tells how we look from outside', async () => {
  const relay = (await newRelay()).addresses[0]!
  const bob = await startDevice()
  // Of no use to the relay, which says so.
  const [key, signature] = [new Uint8Array(33), new Uint8Array(64)]
  const signed = { signedPreKeyId: 1, signedPreKey: key, signedPreKeySignature: signature }
  const kyber = { kyberPreKeyId: 1, kyberPreKey: new Uint8Array(1_569), kyberPreKeySignature: signature }
  const bundle = { registrationId: 1, deviceId: 1, identityKey: key, ...signed, ...kyber }
  const frame = { kind: 'publish', version: 1, card: { card: key, signature }, bundle, preKeys: [] } as const
  bob.network.perform({ kind: 'publish', relay, frame })
  expect((await bob.heard.next('publish-answered')).answer).toMatchObject({ kind: 'answered' })
  bob.network.perform({ kind: 'connect-relay', relay })
  await bob.heard.next('relay-risen')
  await expect.poll(async () => (await bob.network.health([relay])).seenAs).toEqual(['127.0.0.1'])
})
