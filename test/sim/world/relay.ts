/**
 * A simulated relay: the real rules on the real store in memory, behind streams, as `relay/io/switchboard.ts` puts them. Its
 * process can be killed and started, its disk wiped, its store slow or failing; what malice does is in `malice.ts`.
 */
import { ed25519PublicKey } from '../../../protocol/crypto/primitives.ts'
import { deviceIdOf, peerIdOf, type DeviceId } from '../../../protocol/ids.ts'
import { strangerIdleMs } from '../../../protocol/limits.ts'
import type { Sessions } from '../../../protocol/session/types.ts'
import { signCustody } from '../../../protocol/wire/custody.ts'
import { directoryProtocol, type DirectoryFrame } from '../../../protocol/wire/directory.ts'
import { mailboxProtocol, type MailboxFrame } from '../../../protocol/wire/mailbox.ts'
import type { Effect } from '../../../relay/core/effects.ts'
import type { Input, StreamId } from '../../../relay/core/inputs.ts'
import { relayLimits, type RelayLimits } from '../../../relay/core/limits.ts'
import { RelayCore, type Change } from '../../../relay/core/relay-core.ts'
import type { StoreCall, StoreOutcome } from '../../../relay/core/store-calls.ts'
import type { Engine } from '../../../relay/io/store.ts'
import type { Appointment } from './agenda.ts'
import type { Carriage } from './carriage.ts'
import type { Chance } from './chance.ts'
import { Clock } from './clock.ts'
import { SimDriver } from './driver.ts'
import { Host, type Network } from './network.ts'
import { knownIdentityKeyOf } from './known-keys.ts'
import { RelayDisk, type Backup } from './relay-disk.ts'
import { told } from './trace.ts'
import type { Watches } from './watch.ts'
import type { End } from './wire.ts'

/** What a relay that is not what it should be does to frames it sends; returns what goes out instead. */
export type Malice = (frame: MailboxFrame) => readonly MailboxFrame[]

export interface RelayInit {
  readonly name: string
  readonly network: Network
  readonly watches: Watches
  readonly carriage: Carriage
  readonly sessions: Pick<Sessions, 'verifyBundle'>
  readonly limits?: Partial<RelayLimits>
  /** How long its store needs for a call. */
  readonly storeMs?: number
  readonly latencyMs?: number
  /** Lets others be reached through it. */
  readonly carriesCircuits?: boolean
  /** Plants a bug in the store. */
  readonly engine?: (real: Engine) => Engine
}

type Asked = Extract<Effect, { kind: 'ask-store' }>

interface Stream {
  readonly end: End
  trusted: boolean
  lastMs: number
  idle: Appointment | undefined
}

export class SimRelay {
  readonly name: string
  readonly device: DeviceId
  /** Full multiaddr. */
  readonly address: string
  readonly host: Host
  readonly clock: Clock
  readonly #init: RelayInit
  readonly #seed: Uint8Array
  readonly #limits: RelayLimits
  readonly #chance: Chance
  readonly #streams = new Map<StreamId, Stream>()
  readonly #disk: RelayDisk
  #driver: SimDriver<Input, Change, Effect> | undefined
  #lastStream = 0
  /** Processes so far. */
  lives = 0
  #commit: { readonly atMs: number; readonly asked: Asked[] } | undefined
  storeMs: number
  /** The share of store calls that this machine cannot carry out. */
  failureRate = 0
  malice: Malice | undefined
  /** What its directory answers instead. */
  lie: ((frame: DirectoryFrame) => DirectoryFrame) | undefined
  deposits = 0
  pages = 0

  constructor(init: RelayInit) {
    const { name, network, limits } = init
    this.#init = init
    this.name = name
    this.#chance = network.world.chance.fork(`relay ${name}`)
    this.#seed = this.#chance.bytes(32)
    this.device = deviceIdOf(ed25519PublicKey(this.#seed))
    this.#limits = { ...relayLimits, ...limits }
    this.host = new Host({
      name,
      device: this.device,
      openness: 'public',
      place: `data centre ${name}`,
      latencyMs: init.latencyMs ?? 15,
      bytesPerSecond: 12_500_000,
    })
    this.host.carriesCircuits = init.carriesCircuits === true
    const address = `/dns4/${name}.example/tcp/4001`
    network.place(this.host, address)
    this.address = `${address}/p2p/${peerIdOf(this.device)}`
    this.clock = new Clock(network.world)
    this.storeMs = init.storeMs ?? 2
    this.#disk = new RelayDisk(this.#limits, init.engine)
    this.start()
  }

  get running(): boolean {
    return this.#driver !== undefined
  }

  /** What waits in all mailboxes, and for whom the most. */
  waiting(): number {
    const outcome = this.#disk.run({ op: 'census', nowMs: this.clock.nowMs })
    return outcome.ok && outcome.op === 'census' ? outcome.answer.messages : 0
  }

  /** Asks the store directly, as a checker may, and those who need no permission. */
  inspect(call: StoreCall): StoreOutcome {
    return this.#disk.run(call)
  }

  start(): void {
    if (this.#driver !== undefined) return
    const { network, sessions } = this.#init
    this.lives++
    const core = new RelayCore({
      limits: this.#limits,
      signCustody: (taken) => signCustody(taken, this.#seed),
      verifyBundle: (bundle) => sessions.verifyBundle(bundle),
      identityKeyOf: knownIdentityKeyOf,
    })
    this.#driver = new SimDriver<Input, Change, Effect>({
      world: network.world,
      clock: this.clock,
      core,
      journal: nothingToKeep,
      tick: { kind: 'ticked' },
      perform: (effect) => this.#perform(effect),
      heard: (input) => network.world.trace.heard(network.world.nowMs, this.name, input, traced),
      broken: () => undefined,
      failed: (error) => network.world.complain('nothing is thrown', `relay ${this.name}: ${told(error)}`),
    })
    this.#serve(mailboxProtocol, (stream, frame) => {
      return { kind: 'mailbox-frame-received', stream, frame: frame as MailboxFrame }
    })
    this.#serve(directoryProtocol, (stream, frame) => {
      return { kind: 'directory-frame-received', stream, frame: frame as DirectoryFrame }
    })
    this.#driver.push({ kind: 'ticked' })
  }

  /** The process ends at once; what its store had answered stays. */
  kill(): void {
    this.#driver?.end()
    this.#driver = undefined
    this.#commit = undefined
    this.#init.network.hangUp(this.host)
    this.#streams.clear()
  }

  /** Honest again: another process, which does not believe that it sent what it withheld. */
  mend(): void {
    if (this.malice === undefined) return
    this.malice = undefined
    this.lie = undefined
    if (!this.running) return
    this.kill()
    this.start()
  }

  /** A new disk: all it kept is gone, its key is not. */
  wipe(): void {
    this.#atRest(() => {
      this.#disk.wipe()
      this.#init.watches.wiped(this)
    })
  }

  /** Copies everything, as an operator does every night. */
  backUp(): Backup {
    const backup = this.#disk.backUp()
    this.#init.watches.backedUp(this, backup)
    return backup
  }

  /** The operator puts back what was copied: what happened here since, this relay cannot know. */
  restore(backup: Backup): void {
    this.#atRest(() => {
      this.#disk.restore(backup)
      this.#init.watches.restored(this, backup)
    })
  }

  #atRest(act: () => void): void {
    const wasRunning = this.running
    this.kill()
    act()
    if (wasRunning) this.start()
  }

  #serve(protocol: string, inputOf: (stream: StreamId, frame: unknown) => Input): void {
    const { world } = this.#init.network
    this.host.services.set(protocol, (end, device) => {
      const id = ++this.#lastStream
      const stream: Stream = { end, trusted: false, lastMs: world.nowMs, idle: undefined }
      this.#streams.set(id, stream)
      this.#push({ kind: 'stream-opened', stream: id, connection: id, device })
      this.#awaitFrames(stream)
      return {
        onFrame: (frame) => {
          stream.lastMs = world.nowMs
          this.#push(inputOf(id, frame))
        },
        onEnd: () => {
          trust(stream)
          if (!this.#streams.delete(id)) return
          this.#push({ kind: 'stream-closed', stream: id })
          this.#push({ kind: 'connection-closed', connection: id })
        },
      }
    })
  }

  /** A stranger's stream without a frame for too long is closed, until the rules trust it. */
  #awaitFrames(stream: Stream): void {
    const { world } = this.#init.network
    stream.idle = world.after(strangerIdleMs, () => {
      if (stream.trusted) return
      if (world.nowMs - stream.lastMs >= strangerIdleMs) stream.end.close('idle')
      else this.#awaitFrames(stream)
    })
  }

  #push(input: Input): void {
    this.#driver?.push(input)
  }

  #perform(effect: Effect): void {
    switch (effect.kind) {
      case 'send-mailbox-frame':
        return this.#sendMailbox(effect.stream, effect.frame)
      case 'send-directory-frame': {
        const stream = this.#streams.get(effect.stream)
        const frame = this.lie?.(effect.frame) ?? effect.frame
        if (stream !== undefined) this.#init.carriage.directory(stream.end, frame)
        return
      }
      case 'ask-store':
        return this.#ask(effect)
      case 'trust': {
        const stream = this.#streams.get(effect.stream)
        if (stream !== undefined) trust(stream)
        return
      }
      case 'close':
        this.#streams.get(effect.stream)?.end.close(effect.reason)
        return
    }
  }

  #sendMailbox(id: StreamId, frame: MailboxFrame): void {
    const stream = this.#streams.get(id)
    if (stream === undefined) return
    if (frame.kind === 'page') this.pages++
    for (const sent of this.malice?.(frame) ?? [frame]) this.#init.carriage.mailbox(stream.end, sent)
  }

  /**
   * Carried out and answered in one moment, after the time the disk takes; a process that dies before leaves it undone. What
   * is asked at one time shares one commit.
   */
  #ask(asked: Asked): void {
    const { world } = this.#init.network
    if (this.#commit?.atMs === world.nowMs) return void this.#commit.asked.push(asked)
    const commit = (this.#commit = { atMs: world.nowMs, asked: [asked] })
    const life = this.lives
    world.after(this.storeMs, () => {
      if (this.#commit === commit) this.#commit = undefined
      if (this.#driver === undefined || this.lives !== life) return
      const answers = commit.asked.map(({ request, call }) => ({ request, outcome: this.#run(call) }))
      this.#push({ kind: 'store-answered', answers })
    })
  }

  #run(call: StoreCall): StoreOutcome {
    if (this.failureRate > 0 && this.#chance.hits(this.failureRate)) {
      return { ok: false, reason: this.#chance.hits(0.5) ? 'busy' : 'failed' }
    }
    if (call.op === 'enqueue') this.deposits++
    const outcome = this.#disk.run(call)
    this.#init.watches.stored(this, call, outcome)
    return outcome
  }
}

/** Nobody waits for its frames any more. */
function trust(stream: Stream): void {
  stream.trusted = true
  if (stream.idle !== undefined) stream.idle.act = undefined
}

const nothingToKeep = {
  begin: (): void => undefined,
  apply: (): void => undefined,
  commit: (): void => undefined,
  rollback: (): void => undefined,
}

function traced(input: Input): string {
  if (input.kind === 'mailbox-frame-received' || input.kind === 'directory-frame-received') {
    return `${input.stream} ${input.frame.kind}`
  }
  return input.kind
}
