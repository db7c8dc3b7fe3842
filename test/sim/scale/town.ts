/**
 * Many people, as a scenario has them: who knows whom, when their devices run, what they say, and what happens to them.
 * Sessions are the model's and frames travel as they are, so that a day of a thousand people fits into a minute.
 */
import { openCard } from '../../../protocol/wire/card.ts'
import type { Change } from '../../../node/core/effects.ts'
import { modelSealing } from '../crypto/model-sealing.ts'
import { withoutSignatures } from '../crypto/model-signatures.ts'
import { modelSessions } from '../crypto/model-sessions.ts'
import { estimatedCarriage } from '../world/carriage.ts'
import type { Chance } from '../world/chance.ts'
import type { Host, Openness } from '../world/network.ts'
import type { Person } from '../world/person.ts'
import { day, hour, minute, second, Story } from '../world/story.ts'
import { Measures, slices } from './measures.ts'
import type { Scenario, ScenarioEvent } from './scenario.ts'

export class Town {
  readonly story: Story
  readonly scenario: Scenario
  readonly measures: Measures
  /** Everybody says so many times more than usual. */
  #rush = 1
  readonly #restore: () => void

  constructor(scenario: Scenario, seed: number) {
    this.scenario = scenario
    this.#restore = withoutSignatures()
    const { lossRate, jitterMs } = scenario
    const weather = { lossRate, jitterMs, duplicateRate: 0, reorderRate: 0 }
    const parts = { sessions: modelSessions(), sealing: modelSealing, carriage: estimatedCarriage }
    this.story = new Story({ seed: `town ${seed}`, weather, trace: 'kinds', ...parts })
    this.measures = new Measures(this.story.world, scenario.hours * hour)
    this.story.watches.add(this.measures.watch())
    const limits = { mailboxMessagesMax: scenario.mailboxMessages, mailboxesMax: 1_000_000, sweepEveryMs: 10 * minute }
    for (let i = 0; i < scenario.relays; i++)
      this.story.relay(`relay-${i}`, { limits, carriesCircuits: scenario.circuits })
    const chance = this.story.world.chance.fork('town')
    for (let i = 0; i < scenario.nodes; i++) this.#settleIn(i, chance)
    this.#acquaint(chance.fork('friends'))
  }

  /** Lets the hours pass; `onSlice` hears how far they are. */
  run(onSlice: (share: number) => void): void {
    const { scenario, story, measures } = this
    const untilMs = scenario.hours * hour
    for (const person of story.people) this.#live(person, untilMs)
    for (const event of scenario.events) story.world.after(event.atHours * hour, () => this.#happen(event))
    for (let i = 0; i < slices; i++) {
      story.world.runTo((untilMs / slices) * (i + 1))
      measures.close(i)
      onSlice((i + 1) / slices)
    }
    this.#restore()
  }

  #settleIn(index: number, chance: Chance): void {
    const { scenario, story } = this
    const { bytesPerSecond } = scenario
    const relays = chance.shuffled(story.relays).slice(0, scenario.relaysPerNode)
    const latencyMs = chance.between(...scenario.latencyMs)
    const openness = this.#openness(chance)
    const person = story.person(`n${index}`, relays, { openness, latencyMs, bytesPerSecond, settled: true })
    person.keepsDiary = false
    person.glanceMs = chance.between(second, 10 * minute)
    person.lightsUpFor = (event) => event.type === 'message'
  }

  #openness(chance: Chance): Openness {
    const { openness } = this.scenario
    const kinds = ['public', 'home', 'hidden'] as const
    let at = chance.unit() * kinds.reduce((sum, kind) => sum + openness[kind], 0)
    for (const kind of kinds) if ((at -= openness[kind]) < 0) return kind
    return 'home'
  }

  /** They have met before: each has the other's card. Sessions are opened when they first speak. */
  #acquaint(chance: Chance): void {
    const { people } = this.story
    const friends = people.map(() => new Set<number>())
    const pairs = (people.length * this.scenario.contactsPerNode) / 2
    for (let made = 0, tries = 0; made < pairs && tries < pairs * 20; tries++) {
      const [a, b] = [chance.below(people.length), chance.below(people.length)]
      if (a === b || friends[a]?.has(b) === true) continue
      friends[a]?.add(b)
      friends[b]?.add(a)
      made++
    }
    // One for everybody who has it: nothing in it is ever changed.
    const cards = people.map(({ device }) => {
      const signedCard = device.card()
      const opened = openCard(signedCard, device.clock.nowMs)
      if (!opened.ok) throw new Error(`nobody would take the card of ${device.name}: ${opened.reason}`)
      return { card: opened.card, signedCard }
    })
    people.forEach(({ device }, i) => {
      const changes: Change[] = []
      for (const j of friends[i] ?? []) {
        const known = cards[j]
        if (known === undefined) continue
        const { account, name } = known.card
        const facts = { account, name, ...known, hints: [], nextSeq: 1, addedMs: 0 }
        const contact = { ...facts, state: 'added' as const, introduced: true, verified: false }
        changes.push({ kind: 'put-contact', contact })
      }
      device.rewrite(changes)
    })
  }

  #live(person: Person, untilMs: number): void {
    const { world } = this.story
    const { messagesPerNodePerDay, onlineMinutes, awayMinutes } = this.scenario
    const chance = world.chance.fork(`life of ${person.name}`)
    // What they say in a day they say while their device runs.
    const runsShare = awayMinutes > 0 ? onlineMinutes / (onlineMinutes + awayMinutes) : 1
    const pauseMs = (day / messagesPerNodePerDay) * runsShare
    const contacts = person.device.store.contacts().map(({ account }) => account)
    const speak = (): void => {
      world.after(chance.exponential(pauseMs / this.#rush), () => {
        if (world.nowMs >= untilMs) return
        if (person.device.running && contacts.length > 0) {
          const text = 'x'.repeat(10 + chance.below(120))
          const to = chance.pick(contacts)
          person.device.ask((request) => ({ kind: 'text-submitted', request, to, text }))
        }
        speak()
      })
    }
    const sleep = (): void => {
      world.after(chance.exponential(onlineMinutes * minute), () => {
        if (world.nowMs >= untilMs) return
        person.device.kill()
        world.after(chance.exponential(awayMinutes * minute), () => {
          person.device.start()
          sleep()
        })
      })
    }
    if (messagesPerNodePerDay > 0) speak()
    if (awayMinutes > 0) sleep()
  }

  #happen(event: ScenarioEvent): void {
    const { world, network } = this.story
    const after = (act: () => void): void => void world.after(event.forMinutes * minute, act)
    switch (event.kind) {
      case 'relay-down': {
        const relay = this.story.relays[event.relay]
        if (event.wiped === true) relay?.wipe()
        relay?.kill()
        return after(() => relay?.start())
      }
      case 'cut-off': {
        const inside = new Set<Host>(this.#share(event.share).map(({ device }) => device.host))
        return after(network.cut((from, to) => inside.has(from) !== inside.has(to)))
      }
      case 'rush':
        this.#rush *= event.factor
        return after(() => (this.#rush /= event.factor))
      case 'blackout': {
        const struck = this.#share(event.share)
        for (const { device } of struck) device.kill()
        return after(() => struck.forEach(({ device }) => device.start()))
      }
    }
  }

  #share(share: number): Person[] {
    const { people, world } = this.story
    const chance = world.chance.fork(`share at ${world.nowMs}`)
    return people.filter(() => chance.hits(share))
  }
}
