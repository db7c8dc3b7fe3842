/**
 * A simulated device: the real rules on the real store in memory, in one life after another. It can be started, stopped,
 * killed, unplugged, moved to another address, and its power can fail around a commit; what was committed survives.
 */
import { ed25519PublicKey } from '../../../protocol/crypto/primitives.ts'
import { accountIdOf, deviceIdOf, type AccountId, type DeviceId } from '../../../protocol/ids.ts'
import { createIdentity } from '../../../protocol/session/signal.ts'
import { cardLifeMs } from '../../../protocol/limits.ts'
import { signCard, signConsent, signedCard, type SignedCard } from '../../../protocol/wire/card.ts'
import type { OwnIdentity, Sessions } from '../../../protocol/session/types.ts'
import type { Core } from '../../../protocol/step.ts'
import type { Sealing } from '../../../protocol/wire/sealed.ts'
import type { Answer } from '../../../node/core/answers.ts'
import { Device } from '../../../node/core/device.ts'
import type { Change, Effect } from '../../../node/core/effects.ts'
import type { Input } from '../../../node/core/inputs.ts'
import { encodeSettings } from '../../../node/core/own-card.ts'
import type { Reads } from '../../../node/core/reads.ts'
import { MemoryStore } from '../../../node/io/store-memory.ts'
import type { Carriage } from './carriage.ts'
import type { Chance } from './chance.ts'
import { Clock } from './clock.ts'
import type { Break } from './driver.ts'
import { Life } from './life.ts'
import { addressOf } from './mailbox-lines.ts'
import { Host, type Network, type Openness } from './network.ts'
import { told } from './trace.ts'
import type { Watches } from './watch.ts'

/** Bugs that are not in the product, put around it to see that they are found. */
export interface DeviceFaults {
  readonly actsFirst?: (effect: Effect) => boolean
  readonly forgetsAlarm?: boolean
  readonly reads?: (reads: Reads, life: number) => Reads
  readonly core?: (core: Core<Input, Change, Effect>) => Core<Input, Change, Effect>
}

export interface DeviceInit {
  readonly name: string
  readonly network: Network
  readonly watches: Watches
  readonly carriage: Carriage
  readonly sessions: Sessions
  readonly sealing: Sealing
  readonly relays: readonly string[]
  readonly openness?: Openness
  readonly place?: string
  readonly latencyMs?: number
  readonly bytesPerSecond?: number
  /** Whose device it is; a person of its own unless given. */
  readonly accountSeed?: Uint8Array
  /** It has been here before, and keeps the card that says so. */
  readonly settled?: boolean
  readonly clock?: Clock
  readonly faults?: DeviceFaults
}

/** What `node/io/surroundings.ts` takes for more than a busy machine. */
const noticedMs = 5_000
/** An answer is fetched soon, or nobody waits for it. */
const answersMax = 16

export class SimDevice {
  readonly name: string
  readonly account: AccountId
  readonly id: DeviceId
  readonly accountSeed: Uint8Array
  readonly host: Host
  readonly clock: Clock
  readonly chance: Chance
  readonly #init: DeviceInit
  readonly #own: OwnIdentity
  readonly #answers = new Map<number, Answer>()
  #store = new MemoryStore()
  #life: Life | undefined
  #device: Device | undefined
  #address: string
  #lastRequest = 0
  #lives = 0
  #turnsBefore = 0
  /** The power fails at the next turn, once. */
  nextBreak: Break | undefined
  onStart: (() => void) | undefined
  /** How soon it is switched on again after the power failed; absent, it stays off. */
  restartAfterMs: number | undefined = 1_000

  constructor(init: DeviceInit) {
    const { name, network, relays } = init
    this.#init = init
    this.name = name
    this.chance = network.world.chance.fork(`device ${name}`)
    const seed = this.chance.bytes(32)
    this.accountSeed = init.accountSeed ?? this.chance.bytes(32)
    this.#own = createIdentity(seed, 1 + this.chance.below(16_380))
    this.id = deviceIdOf(this.#own.publicKey)
    this.account = accountIdOf(ed25519PublicKey(this.accountSeed))
    this.clock = init.clock ?? new Clock(network.world)
    this.host = new Host({
      name,
      device: this.id,
      openness: init.openness ?? 'home',
      place: init.place ?? `home of ${name}`,
      latencyMs: init.latencyMs ?? 20,
      bytesPerSecond: init.bytesPerSecond ?? 1_250_000,
    })
    this.#address = network.newAddress()
    network.place(this.host, this.#address)
    this.#store.begin()
    this.#store.apply({ kind: 'put-fact', key: 'settings', value: encodeSettings({ name, relays }) })
    if (init.settled === true) {
      this.#store.apply({ kind: 'put-fact', key: 'own-card', value: signedCard.encode(this.card()) })
    }
    this.#store.commit()
  }

  get running(): boolean {
    return this.#life !== undefined
  }

  get store(): MemoryStore {
    return this.#store
  }

  /** The rules themselves, while they run. */
  get core(): Device | undefined {
    return this.#device
  }

  get turns(): number {
    return this.#turnsBefore + (this.#life?.turns ?? 0)
  }

  start(): void {
    if (this.#life !== undefined) return
    const { network, watches, carriage, sessions, sealing, faults } = this.#init
    const { world } = network
    this.#lives++
    const reads = faults?.reads?.(this.#store, this.#lives) ?? this.#store
    const { name, accountSeed, chance } = this
    const own = this.#own
    const device = new Device({ reads, sessions, sealing, random: chance, own, accountSeed, name })
    this.#device = device
    this.#life = new Life({
      network,
      host: this.host,
      clock: this.clock,
      own: this.id,
      carriage,
      core: faults?.core?.(device) ?? device,
      journal: this.#store,
      isFriend: (other) => ['added', 'adding'].includes(this.#store.contactOfDevice(other)?.state ?? ''),
      heard: (input) => {
        world.trace.heard(world.nowMs, this.name, input, traced)
        watches.heard(this, input)
      },
      committed: (changes) => watches.committed(this, changes),
      performed: (effect) => this.#performed(effect),
      breaks: () => {
        const how = this.nextBreak
        this.nextBreak = undefined
        return how
      },
      broken: (how) => this.#broken(how),
      failed: (error) => world.complain('nothing is thrown', `${this.name}: ${told(error)}`),
      granted: device.circuitRelays,
      circuitsChanged: () => this.#listen(),
      ...(faults?.actsFirst && { actsFirst: faults.actsFirst }),
      ...(faults?.forgetsAlarm === true && { forgetsAlarm: true }),
    })
    this.#listen()
    this.onStart?.()
  }

  /** A card as this device would sign it now, for those who have met it before the story begins. */
  card(): SignedCard {
    const { relays, network } = this.#init
    const carrying = relays.filter((relay) => network.at(addressOf(relay))?.carriesCircuits === true)
    const addresses = [...this.#ownAddresses(), ...carrying.map((relay) => `${relay}/p2p-circuit`)]
    const issuedMs = this.clock.nowMs
    return signCard(
      {
        account: this.account,
        name: this.name,
        revision: 1,
        issuedMs,
        expiresMs: issuedMs + cardLifeMs,
        devices: [{ device: this.id, addresses }],
        relays,
      },
      this.accountSeed,
      [signConsent(this.account, this.#own.seed)],
    )
  }

  /** The process ends as if killed: what it had not committed is lost. */
  kill(): void {
    if (this.#life === undefined) return
    this.#endLife()
    this.#init.watches.broke(this, 'killed')
  }

  /** Moves to another network: a new address, and every connection of the old one is dead. */
  roam(place: string, openness: Openness): void {
    const { network } = this.#init
    network.unplace(this.#address)
    this.#address = network.newAddress()
    network.place(this.host, this.#address)
    for (const wire of [...this.host.wires]) wire.drop(this.host)
    this.host.place = place
    this.host.openness = openness
    this.#listen()
  }

  /** Hands the rules what a person or program asks for; the answer stands under the number returned. */
  ask(input: (request: number) => Input): number {
    const request = ++this.#lastRequest
    this.#life?.push(input(request))
    return request
  }

  answer(request: number): Answer | undefined {
    return this.#answers.get(request)
  }

  /** Its clock shows another time, as the shell notices within a second. */
  setClock(set: (clock: Clock) => void): void {
    const before = this.clock.nowMs
    set(this.clock)
    if (Math.abs(this.clock.nowMs - before) < noticedMs) return
    this.#init.network.world.after(1_000, () => this.#life?.push({ kind: 'surroundings-changed' }))
  }

  /** Puts rows into the store as if they had always been there, while the process does not run. */
  rewrite(changes: readonly Change[]): void {
    this.#store.begin()
    for (const change of changes) this.#store.apply(change)
    this.#store.commit()
  }

  /** Goes back to what a copy holds, as after restoring a backup. */
  restore(copy: MemoryStore): void {
    this.#store = copy.copy()
  }

  /** As with other relays on the command line of the next start. */
  names(relays: readonly string[]): void {
    this.rewrite([{ kind: 'put-fact', key: 'settings', value: encodeSettings({ name: this.name, relays }) }])
  }

  #listen(): void {
    if (this.#life === undefined) return
    this.#life.push({ kind: 'listening', addresses: [...this.#ownAddresses(), ...this.#life.circuits()] })
  }

  #ownAddresses(): readonly string[] {
    return this.host.openness === 'hidden' ? [] : [this.#address]
  }

  #performed(effect: Effect): void {
    this.#init.watches.performed(this, effect)
    if (effect.kind !== 'answer') return
    this.#answers.set(effect.request, effect.answer)
    this.#answers.delete(effect.request - answersMax)
  }

  #broken(how: Break): void {
    this.#init.network.world.mark(`broke-${how}`)
    this.#endLife()
    this.#init.watches.broke(this, how)
    if (this.restartAfterMs !== undefined) this.#init.network.world.after(this.restartAfterMs, () => this.start())
  }

  #endLife(): void {
    this.#turnsBefore += this.#life?.turns ?? 0
    this.#life?.end()
    this.#life = undefined
    this.#device = undefined
    this.#store = this.#store.reopen()
  }
}

function traced(input: Input): string {
  switch (input.kind) {
    case 'frame-received':
      return `${input.link} ${input.frame.kind}`
    case 'envelope-collected':
      return `collected ${input.envelope.id}`
    case 'deposit-answered':
      return `deposit ${input.id} ${input.answer.kind}`
    case 'directory-answered':
      return `answer ${input.ask} ${input.answer.kind === 'answered' ? input.answer.frame.kind : 'unreachable'}`
    default:
      return input.kind
  }
}
