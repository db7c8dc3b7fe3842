/** What goes wrong in the safety phase: one fault after another, each of a kind the seed has drawn, each ending by itself. */
import { preKeysPublished } from '../../../protocol/limits.ts'
import type { Chance } from '../world/chance.ts'
import type { Break } from '../world/driver.ts'
import type { Host } from '../world/network.ts'
import type { Person } from '../world/person.ts'
import type { SimRelay } from '../world/relay.ts'
import { day, hour, minute, second } from '../world/story.ts'
import type { FaultKind } from './draw.ts'
import { flood } from './flood.ts'
import { lies, malice } from './malice.ts'
import type { Population } from './population.ts'

type Cause = (population: Population, chance: Chance) => void

/** Starts a chain of faults that ends at `untilMs`. */
export function letThingsGoWrong(population: Population, untilMs: number): void {
  const { world } = population.story
  const { faults, faultEveryMs } = population.drawn
  const chance = world.chance.fork('faults')
  if (faults.length === 0) return
  const next = (): void => {
    world.after(chance.exponential(faultEveryMs), () => {
      if (world.nowMs >= untilMs) return
      const kind = chance.pick(faults)
      world.trace.add(world.nowMs, 'fault', kind)
      world.mark(`fault-${kind}`)
      causes[kind](population, chance)
      next()
    })
  }
  next()
}

/** A duration between a second and a good part of the phase: most are short, some are long. */
function aWhile({ drawn }: Population, chance: Chance): number {
  return second * (drawn.safetyMs / 2 / second) ** chance.unit()
}

/** Not for weeks: everybody knocks every ten seconds, which is dull to watch. */
function briefly(population: Population, chance: Chance): number {
  return Math.min(aWhile(population, chance), 2 * hour)
}

const someone = ({ people }: Population, chance: Chance): Person => chance.pick(people)

const causes: Record<FaultKind, Cause> = {
  crash(population, chance) {
    const how: Break = chance.pick(['before-commit', 'before-effects'])
    const { device } = someone(population, chance)
    device.restartAfterMs = chance.pick([10, second, minute])
    device.nextBreak = how
  },
  'commit-throws'(population, chance) {
    const { device } = someone(population, chance)
    device.restartAfterMs = second
    device.nextBreak = 'commit-throws'
  },
  away(population, chance) {
    const { device } = someone(population, chance)
    device.kill()
    const { safetyMs } = population.drawn
    const awayMs = chance.hits(0.5) ? safetyMs * chance.between(0.3, 0.8) : aWhile(population, chance)
    population.story.world.after(awayMs, () => {
      if (population.people.some((person) => person.device === device)) device.start()
    })
  },
  unplugged(population, chance) {
    const { host } = someone(population, chance).device
    population.story.network.unplug(host)
    population.story.world.after(briefly(population, chance), () => population.story.network.plugIn(host))
  },
  roam(population, chance) {
    // Without any relay, who moves before the other has answered is lost to them: nobody else can say where they went.
    if (population.story.relays.length === 0) return
    const { device } = someone(population, chance)
    const openness = chance.pick(['home', 'public', 'hidden'] as const)
    device.roam(chance.pick(['one house', `café ${chance.below(9)}`]), openness)
  },
  partition: (population, chance) => cut(population, chance, true),
  'one-way-partition': (population, chance) => cut(population, chance, false),
  'relay-killed'(population, chance) {
    const relay = someRelay(population, chance)
    if (relay === undefined) return
    relay.kill()
    population.story.world.after(briefly(population, chance), () => relay.start())
  },
  'relay-wiped': (population, chance) => someRelay(population, chance)?.wipe(),
  'relay-restored'(population, chance) {
    const person = someone(population, chance)
    const relay = firstRelayOf(population, person) ?? someRelay(population, chance)
    if (relay === undefined) return
    restoreLater(population, relay, chance, () => population.introduceTo(person))
    // Keys that the copy still has are used up.
    for (const other of population.people) if (other !== person) writeAfresh(population, other, person)
  },
  /** One of somebody's relays holds what they said of themselves long ago, another what they say now, and both are asked. */
  'relays-disagree'(population, chance) {
    const { story, people } = population
    const person = someone(population, chance)
    const relay = firstRelayOf(population, person)
    if (relay === undefined) return
    const move = (): void => person.device.roam(`house of ${person.name}`, chance.pick(['home', 'public', 'hidden']))
    restoreLater(population, relay, chance, () => {
      const cutOff = person.device.host
      const heal = story.network.cut((from, to) => [from, to].includes(cutOff) && [from, to].includes(relay.host))
      story.world.after(briefly(population, chance), heal)
      move()
      for (const other of people) if (other !== person) writeAfresh(population, other, person)
    })
    move() // What the copy says of them is old at once.
  },
  'relay-slow'(population, chance) {
    const relay = someRelay(population, chance)
    if (relay === undefined) return
    relay.storeMs = chance.pick([100, 5_000, 20_000])
    population.story.world.after(briefly(population, chance), () => (relay.storeMs = 2))
  },
  'relay-failing'(population, chance) {
    const relay = someRelay(population, chance)
    if (relay === undefined) return
    relay.failureRate = chance.pick([0.05, 0.5, 1])
    population.story.world.after(briefly(population, chance), () => (relay.failureRate = 0))
  },
  'relay-malicious'(population, chance) {
    const relay = someRelay(population, chance)
    if (relay === undefined) return
    const { world } = population.story
    relay.malice = malice(chance.fork(`malice ${world.nowMs}`), (name) => world.mark(name))
    const [from, to] = chance.shuffled(population.people)
    if (from !== undefined && to !== undefined) writeAfresh(population, from, to)
    relay.lie = lies(chance.fork(`lies ${world.nowMs}`), (name) => world.mark(name))
    world.after(aWhile(population, chance), () => relay.mend())
  },
  'clock-stepped'(population, chance) {
    const byMs = chance.between(-1, 1) * chance.pick([second, minute, 6 * hour, 5 * day, 5 * day])
    someone(population, chance).device.setClock((clock) => clock.step(byMs))
  },
  flood(population, chance) {
    const [from, to] = chance.shuffled(population.people)
    if (from === undefined || to === undefined) return
    if (chance.hits(0.5)) return flood(population, from, to, chance)
    for (let i = 0; i < 60; i++) {
      from.device.ask((request) => ({ kind: 'text-submitted', request, to: to.account, text: `flood ${i}` }))
    }
  },
  'session-lost'(population, chance) {
    const [from, to] = chance.shuffled(population.people)
    if (from !== undefined && to !== undefined) population.lostSessions.get(from.name)?.add(to.device.id)
  },
  'relays-changed'(population, chance) {
    const person = someone(population, chance)
    const relays = chance.shuffled(population.story.relays).slice(0, 1 + chance.below(2))
    if (relays.length === 0) return
    writeUnaware(population, person, chance)
    person.device.ask((n) => ({ kind: 'relays-chosen', request: n, relays: relays.map((relay) => relay.address) }))
  },
  'device-replaced'(population, chance) {
    if (chance.hits(0.7)) return // Rare in life, and the last that a small population should see of itself.
    population.replace(someone(population, chance))
  },
  blocked(population, chance) {
    const [from, to] = chance.shuffled(population.people)
    if (from === undefined || to === undefined || !chance.hits(0.5)) return
    from.device.ask((n) => ({ kind: 'contact-blocked', request: n, account: to.account }))
    population.story.world.after(aWhile(population, chance), () =>
      from.device.ask((n) => ({ kind: 'contact-accepted', request: n, account: to.account })),
    )
  },
  /** A crowd of strangers, each within what one may take, has taken every one-time key of somebody. */
  'prekeys-drained'(population, chance) {
    const relay = someRelay(population, chance)
    const { id: device } = someone(population, chance).device
    for (let i = 0; i < preKeysPublished; i++) relay?.inspect({ op: 'take-prekey', device, spend: true })
  },
}

/** Whoever asks for somebody's keys asks there first. */
function firstRelayOf({ story }: Population, person: Person): SimRelay | undefined {
  const [first] = person.device.core?.settings.relays ?? []
  return story.relays.find(({ address }) => address === first)
}

/** Somebody has lost their session and needs a new one, from whichever directory. */
function writeAfresh(population: Population, from: Person, to: Person): void {
  population.lostSessions.get(from.name)?.add(to.device.id)
  from.device.ask((request) => ({ kind: 'text-submitted', request, to: to.account, text: 'and now?' }))
}

/** Somebody who does not hear of it writes to where they were. */
function writeUnaware(population: Population, to: Person, chance: Chance): void {
  const { world } = population.story
  const { device } = someone(population, chance)
  if (device === to.device) return
  device.kill()
  world.after(briefly(population, chance), () => {
    if (!population.people.some((person) => person.device === device)) return
    device.start()
    device.ask((request) => ({ kind: 'text-submitted', request, to: to.account, text: 'still there?' }))
  })
}

/** Copied now, put back after a while, and with it something else. */
function restoreLater(population: Population, relay: SimRelay, chance: Chance, besides: () => void): void {
  const backup = relay.backUp()
  const afterMs = chance.between(0.05, 0.4) * population.drawn.safetyMs
  population.story.world.after(afterMs, () => {
    if (population.healed) return
    relay.restore(backup)
    besides()
  })
}

function someRelay({ story }: Population, chance: Chance): SimRelay | undefined {
  return story.relays.length === 0 ? undefined : chance.pick(story.relays)
}

function cut(population: Population, chance: Chance, bothWays: boolean): void {
  const { story, people } = population
  const hosts = [...people.map((person) => person.device.host), ...story.relays.map((relay) => relay.host)]
  const side = new Set<Host>(hosts.filter(() => chance.hits(0.5)))
  const heal = story.network.cut((from, to) => {
    const crosses = side.has(from) !== side.has(to)
    return crosses && (bothWays || side.has(from))
  })
  story.world.after(briefly(population, chance), heal)
}
