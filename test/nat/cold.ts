/** Both were off: from two commands in two houses to a message on the other's screen. */
import { meet, openLab, say, seconds } from './lab.ts'
import type { Kind } from './nat-rules.ts'
import type { Tally } from './tally.ts'

const couples: readonly (readonly [Kind, Kind])[] = [
  ['open', 'open'],
  ['port-restricted', 'port-restricted'],
  ['symmetric', 'symmetric'],
]

export async function coldStart(tally: Tally): Promise<void> {
  const lab = openLab({ delayMs: 25, lossPercent: 1 })
  try {
    const relay = await lab.relay(lab.world.addServer())
    for (const [one, other] of couples) {
      const [aliceName, bobName] = [`alice ${one}`, `bob ${other}`]
      const alice = lab.person(await lab.world.addHouse(one), { name: aliceName, relays: [relay.address] })
      const bob = lab.person(await lab.world.addHouse(other), { name: bobName, relays: [relay.address] })
      await Promise.all([alice.start(), bob.start()])
      await meet(alice, aliceName, bob, bobName)
      await say(alice, bob, bobName, 'before')
      await Promise.all([alice.kill(), bob.kill()])
      const startMs = performance.now()
      await Promise.all([alice.start(), bob.start()])
      const readyMs = performance.now()
      await say(alice, bob, bobName, 'after')
      const [sinceReady, inAll] = [performance.now() - readyMs, performance.now() - startMs]
      tally.row('cold start', [
        `${one} × ${other}`,
        seconds(sinceReady),
        `${seconds(inAll)} with the start of both processes`,
      ])
      tally.check(`cold start, ${one} × ${other}: ${seconds(sinceReady)}, in all ${seconds(inAll)}`, sinceReady < 2_000)
      await Promise.all([alice.kill(), bob.kill()])
    }
  } finally {
    await lab.end()
  }
}
