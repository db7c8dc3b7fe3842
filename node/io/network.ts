/**
 * Everything a device does on the network, behind two doors: effects go in, inputs come out. Which effect goes to whom is
 * all that is decided here.
 */
import { deviceIdOfPeerId, type DeviceId } from '../../protocol/ids.ts'
import { Backlog } from '../../protocol/shell/backlog.ts'
import type { Publication } from '../../protocol/wire/directory.ts'
import type { Effect } from '../core/effects.ts'
import type { DirectoryAnswer, Input } from '../core/inputs.ts'
import { parse, toTell } from './addresses.ts'
import { Anonymous } from './anonymous.ts'
import { Depositor } from './depositor.ts'
import { askDirectory } from './directory-client.ts'
import { healthOf, type Health } from './health.ts'
import { createDeviceHost, stopHost, type DeviceHost } from './host.ts'
import { Links } from './links.ts'
import type { Log } from './log.ts'
import { Neighbours } from './neighbourhood.ts'
import { Alarm, type PulseInit } from './pulse.ts'
import type { Reach, ReachInit } from './reach.ts'
import { PortMapping } from './port-mapping.ts'
import { RelayLinks } from './relay-links.ts'
import { Surroundings } from './surroundings.ts'

export interface NetworkInit {
  readonly seed: Uint8Array
  readonly listen: readonly string[]
  /** Listened on when `listen` cannot be. */
  readonly instead?: readonly string[]
  readonly announce: readonly string[]
  readonly push: (input: Input) => void
  /** Inputs the core has not come round to. */
  readonly backlog: () => number
  readonly isFriend: (device: DeviceId) => boolean
  /** What one of our relays, a private one, wants to hear. */
  readonly tokenFor?: (relay: string) => Uint8Array | undefined
  readonly log: Log
  readonly reach?: ReachInit
  readonly pulse?: PulseInit
  readonly strangerIdleMsMax?: number
  /** False: no circuits, in either direction, and so no upgrade of them either. */
  readonly circuits?: boolean
  /** Relays through which we could be reached when we were last here, as full multiaddrs. */
  readonly granted?: readonly string[]
  /** Something was published on a topic subscribed to; absent, gossipsub is not spoken. */
  readonly onGossip?: (topic: string, data: Uint8Array) => void
  /** Someone we are connected to listens on a topic from now on. */
  readonly onListener?: (topic: string) => void
  /** Says on the local network that it is there, and hears who else is. */
  readonly lan?: boolean
  /** Has the router forward our ports, if it does so on request. */
  readonly upnp?: boolean
}

/** What happens outside this device; the rest of the effects are its own affair. */
export type NetworkEffect = Exclude<Effect, { kind: 'answer' | 'notify' }>

const stopMsMax = 1_500
/** A few batches of the driver. */
const backlogBounds = { max: 256, low: 64 }

export class Network {
  readonly #init: NetworkInit
  readonly #links: Links
  readonly #relays: RelayLinks
  readonly #anonymous: Anonymous
  readonly #depositor: Depositor
  #host: DeviceHost | undefined
  #told: readonly string[] | undefined
  readonly #alarm = new Alarm()
  readonly #surroundings: Surroundings
  readonly #neighbours: Neighbours
  readonly #mapping: PortMapping | undefined

  constructor(init: NetworkInit) {
    this.#init = init
    const reach = (): Reach => this.#started().services.reach
    this.#anonymous = new Anonymous({ ...init, pulse: { ...init.pulse, alarm: this.#alarm } })
    const backlog = new Backlog(init.backlog, backlogBounds)
    this.#links = new Links({ ...init, backlog, reach })
    this.#relays = new RelayLinks({
      push: init.push,
      backlog,
      reach,
      log: init.log,
      onRisen: (relay) => this.#host?.services.circuits?.risen(relay),
      onLost: (relay) => this.#host?.services.circuits?.lost(relay),
    })
    this.#depositor = new Depositor({ push: init.push, anonymous: this.#anonymous })
    this.#neighbours = new Neighbours(init.push)
    // Whoever says what to announce has seen to the way in.
    if (init.upnp === true && init.announce.length === 0) {
      this.#mapping = new PortMapping({
        listening: () => this.#started().services.reach.listening(),
        onChanged: () => this.#tellAddresses(),
        log: init.log,
      })
    }
    this.#surroundings = new Surroundings({ onChange: (what) => this.#changed(what) })
  }

  /** Listens, and says where. Rejects with libp2p's error when it cannot. */
  async start(): Promise<void> {
    const { listen, instead } = this.#init
    try {
      this.#host = await this.#listening(listen)
    } catch (error) {
      if (instead === undefined) throw error
      this.#host = await this.#listening(instead)
    }
    this.#tellAddresses()
    this.#mapping?.refresh()
    this.#surroundings.start()
  }

  async stop(): Promise<void> {
    this.#surroundings.stop()
    this.#links.closeAll()
    this.#relays.leaveAll()
    this.#depositor.close()
    await Promise.all([
      this.#mapping?.stop(),
      this.#anonymous.stop(),
      this.#host === undefined ? undefined : stopHost(this.#host, stopMsMax),
    ])
  }

  /** Without PeerId, as last told to the core. */
  addresses(): readonly string[] {
    return this.#told ?? []
  }

  perform(effect: NetworkEffect): void {
    switch (effect.kind) {
      case 'dial':
        return this.#links.dial(effect.device, effect.addresses)
      case 'send':
        return this.#links.send(effect.link, effect.frame)
      case 'close-link':
        return this.#links.close(effect.link, effect.reason)
      case 'connect-relay':
        return this.#relays.connect(effect.relay)
      case 'leave-relay':
        this.#host?.services.circuits?.left(effect.relay)
        return this.#relays.leave(effect.relay)
      case 'ack-mailbox':
        return this.#relays.acknowledge(effect.relay, effect.ids)
      case 'deposit':
        return this.#depositor.deposit(effect.relay, effect.mailbox, effect.envelope)
      case 'ask-directory':
        return void this.#ask(effect)
      case 'publish':
        return void this.#publish(effect)
      case 'answer-asker':
        return this.#started().services.directory.answer(effect.asker, effect.frame)
    }
  }

  /** `publication` is said again to each of the relays, which tells whether it can still keep anything. */
  health(relays: readonly string[], publication?: Publication): Promise<Health> {
    const publish = publication && ((relay: string) => this.#say(relay, publication))
    return healthOf(this.#started(), relays, { publish, mapping: this.#mapping?.standing() })
  }

  subscribe(topic: string): void {
    const service = this.#host?.services.gossip
    service?.reconsider()
    service?.subscribe(topic)
  }

  unsubscribe(topic: string): void {
    this.#host?.services.gossip?.unsubscribe(topic)
  }

  async publish(topic: string, data: Uint8Array): Promise<void> {
    await this.#host?.services.gossip?.publish(topic, data)
  }

  /** Friends; and our own relays, which carry what friends say, but see who listens to whom as they do with circuits. */
  #mayHear(peer: string): boolean {
    const device = deviceIdOfPeerId(peer)
    if (device === undefined) return false
    return this.#init.isFriend(device) || (this.#init.circuits !== false && this.#relays.has(device))
  }

  async #ask({ ask, at, frame }: Extract<Effect, { kind: 'ask-directory' }>): Promise<void> {
    const answer = await askDirectory(this.#anonymous, at, frame, {
      onSilent: () => this.#init.push({ kind: 'relay-silent', relay: at }),
    })
    this.#init.push({ kind: 'directory-answered', ask, answer })
  }

  async #publish({ relay, frame }: Extract<Effect, { kind: 'publish' }>): Promise<void> {
    const answer = await this.#say(relay, frame)
    if (answer.kind === 'answered' && answer.frame.kind === 'refused') {
      this.#init.log('warn', 'a relay did not take our card', { relay, reason: answer.frame.reason })
    }
    this.#init.push({ kind: 'publish-answered', relay, answer })
  }

  #say(relay: string, frame: Publication): Promise<DirectoryAnswer> {
    const token = this.#init.tokenFor?.(relay)
    const said = token === undefined ? frame : { ...frame, token }
    return askDirectory(this.#started().services.reach, relay, said, { relay: true })
  }

  async #listening(listen: readonly string[]): Promise<DeviceHost> {
    const {
      push,
      isFriend,
      log,
      granted = [],
      circuits = true,
      lan = false,
      pulse,
      onGossip,
      onListener,
      ...rest
    } = this.#init
    const host = await createDeviceHost({
      ...rest,
      pulse: { ...pulse, alarm: this.#alarm },
      listen,
      ...(onGossip !== undefined && {
        gossip: {
          mayHear: (peer) => this.#mayHear(peer.toString()),
          onMessage: onGossip,
          onListener: (topic) => onListener?.(topic),
        },
      }),
      ...(lan && { onNeighbour: (neighbour) => this.#neighbours.discovered(neighbour) }),
      ...(circuits && {
        circuits: {
          isFriend,
          granted,
          log,
          onChanged: () => this.#tellAddresses(),
          onDirect: (device, connection) => void this.#links.adopt(device, connection),
        },
      }),
      direct: { onStream: (stream, connection) => this.#links.accept(stream, connection) },
      directory: { onAsked: (asker, frame) => push({ kind: 'directory-asked', asker, frame }) },
    })
    this.#host = host // From here on a stranger may dial in.
    try {
      await host.start()
      return host
    } catch (error) {
      await stopHost(host, stopMsMax)
      throw error
    }
  }

  /** Every connection has to prove itself, and whatever waits out a pause begins at once. */
  #changed(what: 'moved' | 'woke'): void {
    this.#init.log('debug', 'surroundings changed', { what })
    this.#alarm.ring()
    this.#host?.services.vantage.moved()
    this.#neighbours.forget()
    this.#tellAddresses()
    this.#mapping?.refresh()
    this.#init.push({ kind: 'surroundings-changed' })
  }

  #tellAddresses(): void {
    const { announce } = this.#init
    const ours =
      announce.length > 0
        ? announce.map(parse).filter((a) => a !== undefined)
        : [...(this.#mapping?.addresses() ?? []), ...this.#started().services.reach.listening()]
    const addresses = toTell(ours, this.#started().services.circuits?.granted() ?? [])
    if (addresses.join() === this.#told?.join()) return
    this.#told = addresses
    this.#init.push({ kind: 'listening', addresses })
  }

  #started(): DeviceHost {
    if (this.#host === undefined) throw new Error('the network was used before it was started')
    return this.#host
  }
}
