/**
 * One stream over one connection, as TCP gives it: what is sent arrives whole and in order, late when a packet is lost, or
 * the connection breaks and everything on its way is gone. In unruly weather frames also come twice or overtake each other,
 * which no honest stream does and every rule must bear. A circuit is one that a relay passes on: it takes both ways, and
 * ends with the relay.
 */
import type { DeviceId } from '../../../protocol/ids.ts'
import type { Host, Network } from './network.ts'

export interface Listener {
  readonly onFrame: (frame: unknown) => void
  /** Told once, however it ends. */
  readonly onEnd: (reason: string) => void
}

/** One side of a wire. */
export interface End {
  /** False when the wire is gone, and nothing was sent. */
  send(frame: unknown, bytes: number): boolean
  /** Tells the own listener at once, the other side after what is on its way. */
  close(reason: string): void
  /** Where the other side is, for `why`. */
  readonly address: string
  readonly peer: DeviceId
  /** The machine on the other side. */
  readonly far: Host
  /** The relay that passes it on. */
  readonly through: Host | undefined
}

/** A lost packet is sent again after so long, at first; so often it takes the connection with it. */
const retransmitMs = 300
const lossBreaks = 0.05
/** Small frames sent at one moment leave in one packet: so many bytes. */
const packetBytesMax = 1_400
/** What cannot cross is tried again after so long, until the pulse finds the wire dead. */
const stalledMs = 1_000
/** Worth a note: so long a frame waited for the line. */
const longMs = 1_000

class Side implements End {
  readonly wire: Wire
  readonly host: Host
  listener: Listener | undefined
  ended = false
  /** When the last frame towards this side arrives: the next does not come before it. */
  lastMs = 0
  /** When the line towards this side has carried what was put on it. */
  freeMs = 0
  /** What could not cross towards this side so far. */
  stalled: unknown[] | undefined
  /** What leaves towards this side at this very moment. */
  packet: { readonly sentMs: number; readonly frames: unknown[]; bytes: number } | undefined

  constructor(wire: Wire, host: Host) {
    this.wire = wire
    this.host = host
  }

  send(frame: unknown, bytes: number): boolean {
    return this.wire.send(this, frame, bytes)
  }

  close(reason: string): void {
    this.wire.close(this, reason)
  }

  get far(): Host {
    return this.wire.other(this).host
  }

  get peer(): DeviceId {
    return this.far.device
  }

  get through(): Host | undefined {
    return this.wire.through
  }

  get address(): string {
    return this.through === undefined ? this.far.name : `${this.through.name}/p2p-circuit`
  }
}

export class Wire {
  readonly through: Host | undefined
  readonly #network: Network
  readonly #caller: Side
  readonly #callee: Side

  constructor(network: Network, from: Host, to: Host, through?: Host) {
    this.#network = network
    this.through = through
    this.#caller = new Side(this, from)
    this.#callee = new Side(this, to)
    from.wires.add(this)
    to.wires.add(this)
    through?.wires.add(this)
  }

  get caller(): End {
    return this.#caller
  }

  get callee(): End {
    return this.#callee
  }

  listen(caller: Listener, callee: Listener): void {
    this.#caller.listener = caller
    this.#callee.listener = callee
  }

  /** Both ends find out whether the other is still there. */
  pulse(): void {
    const [a, b] = [this.#caller, this.#callee]
    if (!this.#isBlocked(a, b) && !this.#isBlocked(b, a)) return
    this.#end(this.#caller, 'no answer')
    this.#end(this.#callee, 'no answer')
  }

  /** Nobody took it: as if it had never been. */
  discard(): void {
    for (const host of [this.#caller.host, this.#callee.host, this.through]) host?.wires.delete(this)
  }

  /** The relay that carries it has had enough. */
  giveUp(): void {
    if (!this.#caller.ended || !this.#callee.ended) this.#network.world.mark('circuit-ran-out')
    this.#break('the circuit is over')
  }

  /** The network under one side has changed: it knows at once, the other finds out. */
  drop(host: Host): void {
    const own = this.#caller.host === host ? this.#caller : this.#callee
    this.close(own, 'network changed')
  }

  /** The process on one side, or of the relay between, is gone. */
  breakFrom(host: Host): void {
    if (host === this.through) {
      this.#network.world.mark('circuit-broke')
      return this.#break('connection reset')
    }
    const gone = this.#caller.host === host ? this.#caller : this.#callee
    gone.listener = undefined
    this.close(gone, 'connection reset')
  }

  send(own: Side, frame: unknown, bytes: number): boolean {
    if (own.ended) return false
    const other = this.other(own)
    const { world, chance, weather } = this.#network
    own.host.bytesOut += bytes
    own.host.framesOut++
    if (this.through !== undefined) this.through.bytesOut += bytes
    const { packet } = other
    if (packet?.sentMs === world.nowMs && packet.bytes + bytes <= packetBytesMax) {
      packet.bytes += bytes
      packet.frames.push(frame)
      return true
    }
    const slowest = Math.min(own.host.bytesPerSecond, other.host.bytesPerSecond)
    other.freeMs = Math.max(world.nowMs, other.freeMs) + (bytes / slowest) * 1_000
    const carriedMs = other.freeMs - world.nowMs
    if (carriedMs > longMs) world.mark('line-full')
    let inMs = this.#latencyMs(own, other) + carriedMs
    if (weather.lossRate > 0 && chance.hits(weather.lossRate)) {
      world.mark('packet-lost')
      if (chance.hits(lossBreaks)) {
        world.after(inMs, () => this.#break('connection reset'))
        return true
      }
      inMs += retransmitMs * 2 ** chance.below(4)
    }
    const overtakes = weather.reorderRate > 0 && chance.hits(weather.reorderRate)
    if (overtakes && world.nowMs + inMs < other.lastMs) world.mark('frame-overtook')
    const atMs = overtakes ? world.nowMs + inMs : Math.max(world.nowMs + inMs, other.lastMs)
    if (!overtakes) other.lastMs = atMs
    const frames = [frame]
    const isOrderly = weather.duplicateRate === 0 && weather.reorderRate === 0
    other.packet = isOrderly ? { sentMs: world.nowMs, frames, bytes } : undefined
    world.after(atMs - world.nowMs, () => {
      if (other.packet?.frames === frames) other.packet = undefined
      for (const each of frames) this.#arrive(own, other, each)
    })
    if (weather.duplicateRate > 0 && chance.hits(weather.duplicateRate)) {
      world.mark('frame-doubled')
      world.after(atMs - world.nowMs + chance.between(0, 50), () => this.#arrive(own, other, frame))
    }
    return true
  }

  #arrive(own: Side, other: Side, frame: unknown): void {
    if (other.ended) return
    if (other.stalled !== undefined) {
      other.stalled.push(frame)
      return
    }
    if (this.#isBlocked(own, other)) {
      other.stalled = [frame]
      this.#network.world.mark(this.#isBlocked(other, own) ? 'stalled' : 'stalled-one-way')
      this.#network.world.after(stalledMs, () => this.#resume(own, other))
      return
    }
    other.listener?.onFrame(frame)
  }

  #resume(own: Side, other: Side): void {
    if (other.ended) return
    if (this.#isBlocked(own, other)) {
      this.#network.world.after(stalledMs, () => this.#resume(own, other))
      return
    }
    const frames = other.stalled ?? []
    other.stalled = undefined
    for (const frame of frames) {
      if (!other.ended) other.listener?.onFrame(frame)
    }
  }

  close(own: Side, reason: string): void {
    if (own.ended) return
    const other = this.other(own)
    this.#end(own, reason)
    const { world } = this.#network
    const atMs = Math.max(world.nowMs + this.#latencyMs(own, other), other.lastMs)
    world.after(atMs - world.nowMs, () => {
      // Across a cut the other side hears nothing; its own pulse finds out.
      if (this.#isBlocked(own, other)) world.after(stalledMs * 12, () => this.#end(other, 'no answer'))
      else this.#end(other, 'closed by the other side')
    })
  }

  #break(reason: string): void {
    this.#end(this.#caller, reason)
    this.#end(this.#callee, reason)
  }

  #end(side: Side, reason: string): void {
    if (side.ended) return
    side.ended = true
    side.stalled = undefined
    if (this.#caller.ended && this.#callee.ended) {
      this.#caller.host.wires.delete(this)
      this.#callee.host.wires.delete(this)
      this.through?.wires.delete(this)
    }
    side.listener?.onEnd(reason)
  }

  #latencyMs(own: Side, other: Side): number {
    const network = this.#network
    const through = this.through
    if (through === undefined) return network.latencyMs(own.host, other.host)
    return network.latencyMs(own.host, through) + network.latencyMs(through, other.host)
  }

  #isBlocked(own: Side, other: Side): boolean {
    const network = this.#network
    const through = this.through
    if (through === undefined) return network.isBlocked(own.host, other.host)
    return network.isBlocked(own.host, through) || network.isBlocked(through, other.host)
  }

  other(side: Side): Side {
    return side === this.#caller ? this.#callee : this.#caller
  }
}
