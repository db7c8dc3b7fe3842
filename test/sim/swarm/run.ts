/**
 * One seed: draws a world, lets people talk while things go wrong, then heals everything and waits. Safety is watched
 * throughout; liveness is that in bounded time every outbox and mailbox is empty and every message accounted for.
 */
import { day, hour, minute } from '../world/story.ts'
import { clock } from '../world/trace.ts'
import type { Complaint } from '../world/world.ts'
import { withoutSignatures } from '../crypto/model-signatures.ts'
import { fairWeather } from '../world/network.ts'
import { drawnBy, type Draw } from './draw.ts'
import { letThingsGoWrong } from './faults.ts'
import type { Plant } from './planted.ts'
import { Population } from './population.ts'
import { letIn, letPeopleTalk } from './workload.ts'

export interface RunOptions {
  readonly plant?: Plant
  readonly keepTrace?: boolean
  /** Narrows what was drawn: how shrinking asks whether less would do. */
  readonly narrow?: (drawn: Draw) => Draw
}

export interface Outcome {
  readonly seed: number
  readonly drawn: Draw
  readonly hash: string
  readonly complaints: readonly Complaint[]
  readonly marks: ReadonlyMap<string, number>
  readonly happened: number
  readonly said: number
  readonly virtualMs: number
  readonly trace: readonly string[]
}

/** Offers are repeated every six hours and pauses grow to four: two rounds of both, and an hour. */
const livenessMsMax = 26 * hour
/** What nobody takes expires a month after it was said, by a clock that may have been five days ahead. */
const expiryMsMax = 36 * day

export function runSeed(seed: number, options: RunOptions = {}): Outcome {
  const asDrawn = drawnBy(seed)
  const drawn = options.narrow?.(asDrawn) ?? asDrawn
  if (drawn.realCrypto) return run(seed, drawn, options)
  const restore = withoutSignatures()
  try {
    return run(seed, drawn, options)
  } finally {
    restore()
  }
}

function run(seed: number, drawn: Draw, { plant, keepTrace = false }: RunOptions): Outcome {
  const population = new Population(`seed ${seed}`, drawn, { keepTrace, ...(plant && { plant }) })
  const { world } = population.story
  world.haltsAtComplaint = true
  if (drawn.realCrypto) world.mark('real-sessions')
  population.introduce()
  const untilMs = world.nowMs + drawn.safetyMs
  letPeopleTalk(population, untilMs)
  letThingsGoWrong(population, untilMs)
  world.runTo(untilMs)
  if (world.complaints.length === 0) heal(population)
  if (world.complaints.length === 0) settle(population)
  population.story.watches.ended()
  return {
    seed,
    drawn,
    hash: world.trace.hash,
    complaints: world.complaints,
    marks: world.marks,
    happened: world.happened,
    said: population.reference.said,
    virtualMs: world.nowMs,
    trace: world.trace.lines,
  }
}

/** Everything works again, everyone is here, and nobody says anything new. */
function heal(population: Population): void {
  const { story, people } = population
  story.world.trace.add(story.world.nowMs, 'world', 'healed')
  population.healed = true
  story.network.healAll()
  story.network.weather = fairWeather
  for (const relay of story.relays) {
    relay.mend()
    relay.storeMs = 2
    relay.failureRate = 0
    relay.start()
  }
  for (const { device } of people) {
    device.nextBreak = undefined
    device.setClock((its) => its.correct())
    story.network.plugIn(device.host)
    device.start()
  }
  const welcome = (): void => {
    for (const person of people) letIn(person)
  }
  welcome()
  for (let h = 1; h < 24; h++) story.world.after(h * hour, welcome)
}

function settle(population: Population): void {
  const { story, people, reference, drawn } = population
  const { world } = story
  const allSaid = (): boolean =>
    reference.outstanding(people).length === 0 &&
    people.every((person) => person.device.store.deliveries().length === 0)
  const settled = (): boolean => allSaid() && story.relays.every((relay) => relay.waiting() === 0)
  const step = 10 * minute
  const soonMs = world.nowMs + livenessMsMax
  while (!settled() && world.nowMs < soonMs && world.complaints.length === 0) world.pass(step)
  if (!settled()) {
    // What its recipient will not take, what went to a device that is no more, and a copy that lies at a relay where its
    // owner no longer looks, has only expiry left.
    const copiesLeft = allSaid() && drawn.faults.includes('relays-changed')
    if (!copiesLeft && !someoneUnwilling(population)) complainOf(population, 'all is delivered when all is well')
    world.pass(expiryMsMax)
    if (!settled()) complainOf(population, 'all is delivered or expired in the end')
  }
  if (world.complaints.length === 0) reference.compare(people)
}

/** Somebody was shown the door, or is reached under a key or a contact that is no more. */
function someoneUnwilling({ people, hasReplaced }: Population): boolean {
  if (hasReplaced) return true
  return people.some((person) => person.device.store.contacts().some(({ state }) => state !== 'added'))
}

function complainOf({ story, people, reference }: Population, property: string): void {
  const { world } = story
  const lines = reference.outstanding(people)
  for (const person of people) {
    const left = person.device.store.deliveries()
    if (left.length > 0) lines.push(`${person.name} still has ${left.length} to send`)
  }
  for (const relay of story.relays) if (relay.waiting() > 0) lines.push(`${relay.name} still holds ${relay.waiting()}`)
  world.complain(property, `after ${clock(world.nowMs)}: ${lines.slice(0, 6).join('; ')}`)
}
