/**
 * A cure for two faults of the circuit relay server in @libp2p/circuit-relay-v2 4: it keeps the reservation of a peer that
 * has left until its time is up, and so turns newcomers away; and a reservation renewed twice still ends at the end of its
 * first renewal (retimeable-signal 1 forgets the listener it must take back), and with it every circuit through it.
 *
 * A reservation is freed when its peer disconnects, and its clock replaced by one that can be set as often as wanted. Where
 * the server's insides have changed, only the first is done. To be dropped when both are mended upstream.
 */
import type { Libp2pEvents, PeerId, TypedEventTarget } from '@libp2p/interface'
import type { CircuitRelayService, RelayReservation } from '@libp2p/circuit-relay-v2'

type Clock = RelayReservation['signal']

interface Insides {
  readonly reservationStore?: {
    reserve?: (peer: PeerId, ...rest: unknown[]) => unknown
  }
}

export function cureReservations(circuit: CircuitRelayService, events: TypedEventTarget<Libp2pEvents>): void {
  events.addEventListener('peer:disconnect', ({ detail: peer }) => {
    circuit.reservations.get(peer)?.signal.clear()
    circuit.reservations.delete(peer)
  })
  const store = (circuit as unknown as Insides).reservationStore
  const reserve = store?.reserve?.bind(store)
  if (store === undefined || reserve === undefined) return
  store.reserve = (peer, ...rest) => {
    const before = circuit.reservations.get(peer)
    const result = reserve(peer, ...rest)
    const reservation = circuit.reservations.get(peer)
    if (reservation !== undefined && before === undefined) replaceClock(circuit, peer, reservation)
    return result
  }
}

function replaceClock(circuit: CircuitRelayService, peer: PeerId, reservation: RelayReservation): void {
  reservation.signal.clear() // Before its first reset it can still be stopped.
  const clock = resettable(Math.max(0, reservation.expiry.getTime() - Date.now()))
  clock.addEventListener('abort', () => {
    if (circuit.reservations.get(peer)?.signal === clock) circuit.reservations.delete(peer)
  })
  reservation.signal = clock
}

function resettable(ms: number): Clock {
  const controller = new AbortController()
  let timer: NodeJS.Timeout | undefined
  const clear = (): void => clearTimeout(timer)
  const reset = (newMs: number): void => {
    clear()
    timer = setTimeout(() => controller.abort(new Error('the reservation has run out')), newMs)
    timer.unref()
  }
  reset(ms)
  return Object.assign(controller.signal, { reset, clear })
}
