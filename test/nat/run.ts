/**
 * `npm run test:nat`: real processes in real network namespaces, behind routers of every kind, over links with delay and
 * loss. The last line is `N passed, N failed`. With the name of a story, only that one; some are too long for every day,
 * and are told only by name:
 *
 *     node test/nat/run.ts pairs port-restricted symmetric    # only these kinds
 *     node test/nat/run.ts far                                # all kinds, 80 ms each way
 *     node test/nat/run.ts household 60 300                   # cable out for 60 s, asleep for 300 s
 *     node test/nat/run.ts idle 30                            # minutes
 */
import { coldStart } from './cold.ts'
import { idle } from './idle.ts'
import { whyNot } from './lab.ts'
import { oneRoom } from './lan.ts'
import { kinds, type Kind } from './nat-rules.ts'
import { directOnly, householdTroubles, relayGone, secondRelay } from './outages.ts'
import { pairs } from './pairs.ts'
import { signs } from './signs.ts'
import { Tally } from './tally.ts'

type Story = (tally: Tally, ...rest: string[]) => Promise<void>

const stories: Readonly<Record<string, Story>> = {
  pairs: (tally, ...chosen) => pairs(tally, 25, chosen.length > 0 ? (chosen as Kind[]) : kinds),
  cold: coldStart,
  lan: oneRoom,
  signs,
  direct: directOnly,
  relays: secondRelay,
  relay: relayGone,
  household: (tally, unpluggedS = '20', asleepS = '20') =>
    householdTroubles(tally, Number(unpluggedS), Number(asleepS)),
}
const longStories: Readonly<Record<string, Story>> = {
  far: (tally, ...chosen) => pairs(tally, 80, chosen.length > 0 ? (chosen as Kind[]) : kinds),
  idle: (tally, minutes = '30') => idle(tally, Number(minutes)),
}

const reason = whyNot()
if (reason !== undefined) {
  console.log(`skipped: ${reason}\n0 passed, 0 failed`)
  process.exit(0)
}

const [name, ...rest] = process.argv.slice(2)
const chosen = name === undefined ? Object.entries(stories) : Object.entries({ ...stories, ...longStories })
const tally = new Tally()
for (const [title, story] of chosen) {
  if (name !== undefined && title !== name) continue
  try {
    await story(tally, ...rest)
  } catch (error) {
    tally.check(`${title}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`, false)
  }
}
process.exit(tally.end())
