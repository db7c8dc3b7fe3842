/** Two people on one network with nothing beyond it: no relay, no internet. */
import { meet, openLab, say, seconds } from './lab.ts'
import type { Tally } from './tally.ts'

/** Twice what is promised, and twenty times what a quiet machine takes: other stories go on beside this one. */
const talkMsMax = 10_000
/** Somewhere in the world, and out of reach. */
const farRelay = '/ip4/203.0.113.7/tcp/4001/p2p/12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5'

export async function oneRoom(tally: Tally): Promise<void> {
  for (const relays of [[], [farRelay]]) {
    const lab = openLab({ delayMs: 0, lossPercent: 0 })
    const whose = relays.length === 0 ? 'without relays' : 'whose relays are out of reach'
    try {
      const [here, there] = lab.world.addLonelyNetwork(2)
      if (here === undefined || there === undefined) throw new Error('two machines were asked for')
      const [alice, bob] = [lab.person(here, { name: 'alice', relays }), lab.person(there, { name: 'bob', relays })]
      await Promise.all([alice.start(), bob.start()])
      const startMs = performance.now()
      await meet(alice, 'alice', bob, 'bob')
      await say(alice, bob, 'bob', 'first')
      const metMs = performance.now() - startMs
      tally.row('lan', [`two ${whose}: from start to the first message, with an invite`, seconds(metMs)])
      tally.check(`two ${whose} meet and talk after ${seconds(metMs)}`, metMs < talkMsMax)

      await Promise.all([alice.kill(), bob.kill()])
      await Promise.all([alice.start(), bob.start()])
      const againMs = await say(bob, alice, 'alice', 'again')
      tally.row('lan', [`two ${whose}: started again`, seconds(againMs)])
      tally.check(`two ${whose} talk ${seconds(againMs)} after a new start`, againMs < talkMsMax)
    } finally {
      await lab.end()
    }
  }
}
