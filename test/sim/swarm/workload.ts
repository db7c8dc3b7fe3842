/** People talk: each says something now and then to someone they know, and lets in most of those who ask. */
import type { Person } from '../world/person.ts'
import { minute } from '../world/story.ts'
import type { Population } from './population.ts'

export function letPeopleTalk(population: Population, untilMs: number): void {
  for (const person of population.people) talk(population, person, untilMs)
}

/** Requests are let in after a while; in the end all are. */
export function letIn(person: Person): void {
  for (const { account, state } of person.device.store.contacts()) {
    if (state !== 'requested') continue
    person.device.ask((request) => ({ kind: 'contact-accepted', request, account }))
  }
}

function talk(population: Population, person: Person, untilMs: number): void {
  const { world } = population.story
  const chance = world.chance.fork(`talk of ${person.name}`)
  const next = (): void => {
    world.after(chance.exponential(population.drawn.sayEveryMs), () => {
      if (world.nowMs >= untilMs || !population.people.includes(person)) return
      if (person.device.running) say()
      next()
    })
  }
  const say = (): void => {
    if (chance.hits(0.2)) letIn(person)
    if (chance.hits(0.02)) population.introduceTo(person)
    const contacts = person.device.store.contacts().filter(({ state }) => state === 'added' || state === 'adding')
    if (contacts.length === 0) return
    const { account: to } = chance.pick(contacts)
    const burst = chance.hits(0.1) ? 1 + chance.below(12) : 1
    for (let i = 0; i < burst; i++) {
      const text = `${person.name} at ${Math.round(world.nowMs / minute)}, ${i}${'.'.repeat(chance.below(200))}`
      person.device.ask((request) => ({ kind: 'text-submitted', request, to, text }))
    }
  }
  next()
}
