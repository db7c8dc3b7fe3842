/** Presence and typing, between two who share a relay, over whatever stands between them; both behind strict routers. */
import type { Person } from '../e2e/processes.ts'
import { meet, openLab, say, seconds } from './lab.ts'
import type { Tally } from './tally.ts'

export async function signs(tally: Tally): Promise<void> {
  const lab = openLab({ delayMs: 25, lossPercent: 1 })
  try {
    const relay = await lab.relay(lab.world.addServer())
    const house = { relays: [relay.address] }
    const alice = lab.person(await lab.world.addHouse('symmetric'), { ...house, name: 'alice' })
    const bob = lab.person(await lab.world.addHouse('symmetric'), { ...house, name: 'bob' })
    await Promise.all([alice.start(), bob.start()])
    await meet(alice, 'alice', bob, 'bob')
    await say(alice, bob, 'bob', 'before')
    const startMs = performance.now()
    await Promise.all([sign(alice, 'bob', { online: true }), sign(bob, 'alice', { online: true })])
    tally.check(`two contacts know of each other after ${seconds(performance.now() - startMs)}`, true)
    const typedMs = performance.now()
    const seen = sign(bob, 'alice', { typing: true })
    await alice.ask({ op: 'typing', who: 'bob' })
    await seen
    tally.row('signs', ['typing', seconds(performance.now() - typedMs)])
    tally.check(`typing shows after ${seconds(performance.now() - typedMs)}`, performance.now() - typedMs < 1_000)
    const leftMs = performance.now()
    const left = sign(bob, 'alice', { online: false })
    await alice.ask({ op: 'stop' })
    await left
    tally.check(`leaving shows after ${seconds(performance.now() - leftMs)}`, performance.now() - leftMs < 3_000)
  } finally {
    await lab.end()
  }
}

interface Expected {
  readonly online?: boolean
  readonly typing?: boolean
}

function sign(person: Person, name: string, expected: Expected): Promise<void> {
  return person.sign(
    (one) => one.name === name && Object.entries(expected).every(([key, value]) => one[key as 'online'] === value),
  )
}
