/** What the simulated world promises those who live in it. */
import { describe, expect, test } from 'vitest'
import { Agenda } from './world/agenda.ts'
import { Chance } from './world/chance.ts'
import { Clock } from './world/clock.ts'
import { hour, minute, second, Story } from './world/story.ts'
import { Town } from './scale/town.ts'
import { plainScenario, readScenario } from './scale/scenario.ts'
import { picture } from './scale/picture.ts'
import { epochMs, World } from './world/world.ts'

describe('agenda', () => {
  test('what comes first is taken first, and at one moment, what was asked first', () => {
    const chance = new Chance('agenda')
    const agenda = new Agenda()
    const asked = Array.from({ length: 500 }, (_, order) => ({ atMs: chance.below(50), order }))
    for (const { atMs } of asked) agenda.add(atMs, () => undefined)
    const taken = asked.map(() => agenda.take()).map((next) => ({ atMs: next?.atMs, order: next?.order }))
    expect(taken).toEqual(asked.toSorted((a, b) => a.atMs - b.atMs || a.order - b.order))
    expect(agenda.take()).toBeUndefined()
  })
})

describe('chance', () => {
  test('a fork draws the same whatever its elder drew before', () => {
    const [a, b] = [new Chance('seed'), new Chance('seed')]
    a.bytes(100)
    expect(a.fork('x').bytes(32)).toEqual(b.fork('x').bytes(32))
    expect(a.fork('x').bytes(32)).not.toEqual(b.fork('y').bytes(32))
  })

  test('draws are even enough', () => {
    const chance = new Chance('even')
    const counts = [0, 0, 0, 0]
    for (let i = 0; i < 40_000; i++) counts[chance.below(4)] = (counts[chance.below(4)] ?? 0) + 1
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(600)
  })
})

test('a clock that is off tells its device when to wake all the same', () => {
  const world = new World('clock')
  const clock = new Clock(world, hour, 1e-3)
  expect(clock.nowMs).toBe(epochMs + hour)
  expect(clock.until(clock.nowMs + 1_000)).toBe(1_000)
  world.pass(1_000_000)
  expect(clock.nowMs).toBe(epochMs + hour + 1_001_000)
  clock.step(-hour)
  expect(clock.nowMs).toBe(epochMs + 1_001_000)
})

describe('a wire', () => {
  test('keeps order in bad weather, and both ends learn that it is cut', () => {
    const story = new Story({ weather: { lossRate: 0.3, jitterMs: 500, duplicateRate: 0, reorderRate: 0 } })
    const [alice, bob] = [
      story.person('alice', [], { openness: 'public' }),
      story.person('bob', [], { openness: 'public' }),
    ]
    story.pass(second)
    expect(story.meet(alice, bob, hour)).toBe(true)
    const texts = Array.from({ length: 50 }, (_, i) => `${i}`)
    for (const text of texts) alice.says(bob, text)
    story.pass(10 * minute)
    expect(bob.heard(alice)).toEqual(texts)
    expect(alice.device.core?.linkTo(bob.device.id)).toBeDefined()
    story.network.unplug(bob.device.host)
    story.pass(minute)
    expect(alice.device.core?.linkTo(bob.device.id)).toBeUndefined()
    expect(bob.device.core?.linkTo(alice.device.id)).toBeUndefined()
  })

  test('cut one way only, nothing is believed to have arrived', () => {
    const story = new Story()
    const relay = story.relay('hub')
    const [alice, bob] = [
      story.person('alice', [relay], { openness: 'public' }),
      story.person('bob', [relay], { openness: 'public' }),
    ]
    story.pass(5 * second)
    story.meet(alice, bob)
    story.pass(minute)
    story.network.cut((from) => from === alice.device.host)
    const id = alice.says(bob, 'into the wind')
    story.pass(hour)
    expect(alice.fateOf(bob, id)).toBe('queued')
    story.network.healAll()
    story.pass(hour)
    expect(alice.fateOf(bob, id)).toBe('read')
  })
})

test('a town lives the same day twice', () => {
  const hashes = [1, 2].map(() => {
    const town = new Town({ ...plainScenario, nodes: 20, hours: 2 }, 3)
    town.run(() => undefined)
    expect(town.story.world.complaints).toEqual([])
    expect(town.measures.said).toBeGreaterThan(50)
    return town.story.world.trace.hash
  })
  expect(hashes[0]).toBe(hashes[1])
})

test.each(['festival', 'flaky-village', 'relay-outage'])('the scenario %s can be run and drawn', (name) => {
  const scenario = readScenario(new URL(`scenarios/${name}.json`, import.meta.url).pathname)
  const town = new Town({ ...scenario, nodes: 12, hours: Math.min(scenario.hours, 3) }, 1)
  town.run(() => undefined)
  expect(town.story.world.complaints).toEqual([])
  const svg = picture({ title: scenario.name, hours: scenario.hours, slices: town.measures.slices })
  expect(svg).toMatch(/^<svg [\s\S]*<polyline[\s\S]*<\/svg>\n$/)
  expect(svg).not.toMatch(/NaN|undefined/)
})
