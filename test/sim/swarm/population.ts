/** The people and relays of a drawn world, with every checker looking on, and who of them knows whom. */
import { commandsCount } from '../check/commands-count.ts'
import { commitFirst } from '../check/commit-first.ts'
import { custody } from '../check/custody.ts'
import { exactlyOnce } from '../check/exactly-once.ts'
import { inOrder } from '../check/in-order.ts'
import { keysOnce } from '../check/keys-once.ts'
import { marks } from '../check/marks.ts'
import { noWayBack } from '../check/no-way-back.ts'
import { nothingSpins } from '../check/nothing-spins.ts'
import { preKeysOnce } from '../check/prekeys-once.ts'
import { quotas } from '../check/quotas.ts'
import { receiptsTrue } from '../check/receipts-true.ts'
import { Reference } from '../check/reference.ts'
import { modelSealing } from '../crypto/model-sealing.ts'
import { modelSessions } from '../crypto/model-sessions.ts'
import { parseInvite } from '../../../protocol/wire/invite.ts'
import type { DeviceId } from '../../../protocol/ids.ts'
import type { Reads } from '../../../node/core/reads.ts'
import { relayLimits, type RelayLimits } from '../../../relay/core/limits.ts'
import { Clock } from '../world/clock.ts'
import type { DeviceFaults, SimDevice } from '../world/device.ts'
import { overriding } from '../world/overriding.ts'
import type { Person } from '../world/person.ts'
import { hour, minute, second, Story } from '../world/story.ts'
import type { Draw, FaultKind } from './draw.ts'
import { noPlant, type Plant } from './planted.ts'

export class Population {
  readonly story: Story
  readonly drawn: Draw
  readonly reference: Reference
  /** Sessions that a device has lost: it finds none where one was. */
  readonly lostSessions: Map<string, Set<DeviceId>> = new Map()
  /** Nothing goes wrong any more. */
  healed = false
  readonly #plant: Plant
  readonly #limits: RelayLimits
  #replaced = 0
  /** Those who have not met. */
  readonly #apart: { readonly host: Person; readonly guest: Person; readonly asStranger: boolean }[] = []

  constructor(
    seed: string,
    drawn: Draw,
    { plant = noPlant, keepTrace = false }: { plant?: Plant; keepTrace?: boolean },
  ) {
    const { weather, realCrypto } = drawn
    const model = { sessions: modelSessions(plant.model), sealing: modelSealing }
    this.story = new Story({ seed, weather, trace: keepTrace ? 'kept' : 'everything', ...(realCrypto ? {} : model) })
    this.drawn = drawn
    this.#limits = {
      ...relayLimits,
      mailboxMessagesMax: drawn.mailboxMessagesMax,
      handOverMsMax: drawn.handOverMsMax,
      preKeysPerOwner: { burst: drawn.preKeyBurst, perSecond: 0.2 },
      sweepEveryMs: hour,
    }
    this.#plant = plant
    this.reference = new Reference(this.story.world)
    this.#watch()
    for (let i = 0; i < drawn.relays; i++) this.#addRelay(`r${i}`)
    for (let i = 0; i < drawn.people; i++) this.#addPerson(`p${i}`)
  }

  get people(): readonly Person[] {
    return this.story.people
  }

  /** Somebody has come back on a new machine. */
  get hasReplaced(): boolean {
    return this.#replaced > 0
  }

  /** Everyone finds everyone, by invite or as a stranger: most now, some while things go wrong. */
  introduce(): void {
    const { world } = this.story
    const meeting = world.chance.fork('meeting')
    this.story.pass(10_000)
    for (const host of this.people) {
      for (const guest of this.people) {
        if (host.name >= guest.name) continue
        const asStranger = meeting.hits(this.drawn.strangersRate)
        if (meeting.hits(0.7)) this.#introduce(host, guest, asStranger)
        else this.#apart.push({ host, guest, asStranger })
        world.pass(second)
      }
    }
  }

  /** Somebody who does not know this person yet gets to know them. */
  introduceTo(person: Person): void {
    const at = this.#apart.findIndex(({ host }) => host === person)
    const [pair] = at < 0 ? [] : this.#apart.splice(at, 1)
    if (pair !== undefined) this.#introduce(pair.host, pair.guest, pair.asStranger)
  }

  /** The same account on a new machine, with nothing but its key; the old machine is gone. */
  replace(person: Person): Person {
    person.device.restartAfterMs = undefined
    person.device.kill()
    this.story.people.splice(this.story.people.indexOf(person), 1)
    return this.#addPerson(`${person.name.split('.')[0]}.${++this.#replaced}`, person.device.accountSeed)
  }

  #introduce(host: Person, guest: Person, asStranger: boolean): void {
    const { world } = this.story
    const request = host.device.ask((n) => ({ kind: 'invite-requested', request: n }))
    world.after(second / 2, () => {
      const answer = host.device.answer(request)
      if (answer?.ok !== true || answer.kind !== 'invited') return
      const invite = parseInvite(answer.link)
      if (invite === undefined) return world.complain('an invite can be read', answer.link)
      const shown = asStranger ? { ...invite, token: new Uint8Array(16) } : invite
      guest.device.ask((n) => ({ kind: 'invite-opened', request: n, invite: shown }))
    })
  }

  #addRelay(name: string): void {
    const limits = this.#limits
    const engine = this.#plant.engine
    const latencyMs = this.story.world.chance.fork(`latency ${name}`).between(5, 100)
    this.story.relay(name, {
      limits,
      latencyMs,
      carriesCircuits: this.drawn.circuits,
      ...(engine && { engine }),
    })
  }

  #addPerson(name: string, accountSeed?: Uint8Array): Person {
    const { story, drawn } = this
    const chance = story.world.chance.fork(`person ${name}`)
    const relays = chance.shuffled(story.relays).slice(0, 1 + chance.below(3))
    const openness = relays.length === 0 ? 'public' : chance.pick(['public', 'home', 'home', 'hidden'] as const)
    const clock = new Clock(
      story.world,
      chance.between(-drawn.clockOffsetMsMax, drawn.clockOffsetMsMax),
      drawn.clockOffsetMsMax === 0 ? 0 : chance.between(-1e-5, 1e-5),
    )
    const place = chance.hits(0.3) ? 'one house' : `home of ${name}`
    const latencyMs = chance.between(5, 100)
    const faults = this.#faults(name)
    const person = story.person(name, relays, {
      openness,
      clock,
      place,
      latencyMs,
      ...(chance.hits(0.5) && { bytesPerSecond: drawn.bytesPerSecondMin }),
      faults,
      ...(accountSeed && { accountSeed }),
    })
    person.glanceMs = chance.pick([50, minute, hour / 2])
    return person
  }

  #faults(name: string): DeviceFaults {
    const lost = new Set<DeviceId>()
    this.lostSessions.set(name, lost)
    const { device: planted } = this.#plant
    const forgetful = (real: Reads): Reads =>
      overriding(real, { session: (device) => (lost.has(device) ? undefined : real.session(device)) })
    const reads = (real: Reads, life: number): Reads => {
      const { faults } = this.drawn
      const forgets: readonly FaultKind[] = ['session-lost', 'relay-restored', 'relays-disagree', 'relay-malicious']
      const known = forgets.some((kind) => faults.includes(kind)) ? forgetful(real) : real
      return planted?.reads?.(known, life) ?? known
    }
    return { ...planted, reads }
  }

  #watch(): void {
    const { story, drawn } = this
    const { world, watches } = story
    watches.add(commitFirst(world))
    watches.add(commandsCount(world))
    watches.add(exactlyOnce(world))
    watches.add(inOrder(world))
    watches.add(receiptsTrue(world))
    watches.add(preKeysOnce(world))
    watches.add(custody(world))
    watches.add(quotas(world, this.#limits))
    watches.add(noWayBack(world))
    watches.add(nothingSpins(world))
    watches.add(marks(world))
    watches.add(this.reference.watch())
    if (!drawn.realCrypto) watches.add(keysOnce(world))
    watches.add({
      committed: (device: SimDevice, changes) => {
        const lost = this.lostSessions.get(device.name)
        if (lost === undefined || lost.size === 0) return
        for (const change of changes) if (change.kind === 'put-session') lost.delete(change.device)
      },
    })
  }
}
