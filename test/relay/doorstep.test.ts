/** Who is turned away before anything is made of their socket, and what counts as one address. */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { Doorstep, type DoorstepInit } from '../../relay/io/doorstep.ts'
import { householdOf } from '../../relay/io/household.ts'
import { atEnd } from './temporary.ts'

/** How many sockets Node made for so many who called, and why the others got none. */
async function callers(count: number, init: Partial<DoorstepInit>): Promise<{ made: number; turnedAway: string[] }> {
  const turnedAway: string[] = []
  const doorstep = new Doorstep({
    perSecondMax: 1_000,
    refusal: () => undefined,
    turnedAway: (why) => turnedAway.push(why),
    ...init,
  })
  let made = 0
  const server = createServer({ blockList: doorstep }, (socket) => {
    made += 1
    socket.destroy()
  }).listen(0, '127.0.0.1')
  atEnd(() => void server.close())
  await once(server, 'listening')
  for (let i = 0; i < count; i++) {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => undefined)
    await once(socket.resume(), 'close')
  }
  return { made, turnedAway }
}

test('Node makes no socket of whoever the rules further in would turn away', async () => {
  const seen = await callers(3, { refusal: (host) => (host === '127.0.0.1' ? 'handshakesMax' : undefined) })
  expect(seen).toEqual({ made: 0, turnedAway: ['handshakesMax', 'handshakesMax', 'handshakesMax'] })
})

test('nobody is counted as turned away by a relay that is about to end', async () => {
  expect(await callers(2, { refusal: () => 'shut' })).toEqual({ made: 0, turnedAway: [] })
})

test('so many from one address in one second, others meanwhile, and more in the next', () => {
  const turnedAway: string[] = []
  let nowMs = 5_000
  const doorstep = new Doorstep({
    perSecondMax: 2,
    refusal: () => undefined,
    turnedAway: (why) => turnedAway.push(why),
    nowMs: () => nowMs,
  })
  const hosts = ['2001:db8::1', '2001:db8::2', '2001:db8::3', '192.0.2.2']
  expect(hosts.map((host) => doorstep.check(host))).toEqual([false, false, true, false])
  nowMs += 1_000
  expect(hosts.map((host) => doorstep.check(host))).toEqual([false, false, true, false])
  expect(turnedAway).toEqual(['connectionsPerAddressPerSecond', 'connectionsPerAddressPerSecond'])
})

test.for([
  ['192.0.2.7', '192.0.2.7'],
  ['2001:db8::1', '2001:db8:0:0::'],
  ['2001:db8:0:0:ffff::9', '2001:db8:0:0::'],
  ['2001:db8:0:1::1', '2001:db8:0:1::'],
  ['2001:0db8:0001:0002:0003:0004:0005:0006', '2001:db8:1:2::'],
  ['::1', '0:0:0:0::'],
  ['fe80::1%eth0', 'fe80:0:0:0::'],
])('%s counts as %s', ([host, household]) => {
  expect(householdOf(host ?? '')).toBe(household)
})
