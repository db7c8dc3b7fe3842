/** The cures for faults of libp2p: each is shown to be needed and to work. A failure of the first half is good news. */
import { expect, test, vi } from 'vitest'
import type { CircuitRelayService, RelayReservation } from '@libp2p/circuit-relay-v2'
import type { Connection } from '@libp2p/interface'
import { curedConnections, type CuredConnectionManager } from '../../relay/io/connections-cure.ts'
import { cureReservations } from '../../relay/io/reservations-cure.ts'

test('connections are counted as they come and go, and nothing is listed to let one more in', () => {
  const events = new EventTarget()
  const connections = new Map<string, Connection[]>()
  let listings = 0
  const manager: CuredConnectionManager & { acceptIncomingConnection(): boolean } = {
    getConnections: (peer) => {
      listings += 1
      return peer === undefined ? [] : (connections.get(peer.toString()) ?? [])
    },
    getConnectionsMap: () => connections,
    getMaxConnections: () => 2,
    acceptIncomingConnection: () => manager.getConnections().length < manager.getMaxConnections(),
  }
  const cured = curedConnections()({ connectionManager: manager, events: events as never })
  for (const peer of ['a', 'b']) {
    expect(manager.acceptIncomingConnection()).toBe(true)
    connections.set(peer, [{ id: peer } as Connection])
    events.dispatchEvent(new Event('connection:open'))
  }
  expect(manager.acceptIncomingConnection()).toBe(false)
  expect(manager.getConnections().map(({ id }) => id)).toEqual(['a', 'b'])
  expect(cured.count).toBe(2)
  events.dispatchEvent(new Event('connection:close'))
  expect(manager.acceptIncomingConnection()).toBe(true)
  expect(listings).toBe(0)
})

test('libp2p still lists its connections one array at a time', async () => {
  const { readFileSync } = await import('node:fs')
  const { fileURLToPath } = await import('node:url')
  const file = fileURLToPath(import.meta.resolve('libp2p')).replace('index.js', 'connection-manager/index.js')
  const source = readFileSync(file, 'utf8')
  expect(source).toContain('conns = conns.concat(c)')
})

test('a reservation that is renewed again and again ends only after the last renewal', () => {
  vi.useFakeTimers()
  try {
    const { circuit, reserve } = circuitOf()
    cureReservations(circuit, new EventTarget() as never)
    for (let renewal = 0; renewal < 5; renewal++) {
      reserve()
      vi.advanceTimersByTime(600)
      expect(circuit.reservations.size).toBe(1)
    }
    vi.advanceTimersByTime(401)
    expect(circuit.reservations.size).toBe(0)
  } finally {
    vi.useRealTimers()
  }
})

/** As much of the server as the cure touches, with reservations of one second. */
function circuitOf(): { circuit: CircuitRelayService; reserve: () => void } {
  const reservations = new Map<string, RelayReservation>()
  const peer = 'somebody'
  const reservationStore = {
    reserve(this: void, who: string): void {
      const held = reservations.get(who)
      if (held !== undefined) return held.signal.reset(1_000)
      const signal = Object.assign(new AbortController().signal, { reset: () => undefined, clear: () => undefined })
      reservations.set(who, { expiry: new Date(Date.now() + 1_000), signal } as never)
    },
  }
  const circuit = { reservations, reservationStore } as unknown as CircuitRelayService
  return { circuit, reserve: () => reservationStore.reserve(peer) }
}
