/**
 * `npm run test:nat`: real processes in real network namespaces, behind routers of every kind, over links with delay and
 * loss. The last line is `N passed, N failed`. All stories take about nine minutes, most of it waiting, and so four rows of
 * them go on beside each other. With the name of a story, only that one, and nothing beside it to disturb its times:
 *
 *     node test/nat/run.ts pairs port-restricted symmetric    # only these kinds, 25 ms each way
 *     node test/nat/run.ts far                                # all kinds, 80 ms each way
 *     node test/nat/run.ts household 20 30                    # cable out for 20 s, asleep for 30 s
 *     node test/nat/run.ts idle 30                            # minutes
 */
import { anotherRelay, changingPaths, shortCircuits } from './changes.ts'
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
  cold: coldStart,
  pairs: (tally, ...chosen) => pairs(tally, 25, chosen.length > 0 ? (chosen as Kind[]) : kinds),
  far: (tally, ...chosen) => pairs(tally, 80, chosen.length > 0 ? (chosen as Kind[]) : kinds),
  household: (tally, unpluggedS = '60', asleepS = '300') =>
    householdTroubles(tally, Number(unpluggedS), Number(asleepS)),
  lan: oneRoom,
  signs,
  direct: directOnly,
  relays: secondRelay,
  relay: relayGone,
  changes: changingPaths,
  elsewhere: anotherRelay,
  limits: shortCircuits,
  idle: (tally, minutes = '4') => idle(tally, Number(minutes)),
}

/** The start of programs is measured first, with nothing else at work. */
const alone = ['cold']
const beside = [
  ['pairs', 'far'],
  ['household'],
  ['idle'],
  ['lan', 'signs', 'direct', 'relays', 'relay', 'changes', 'elsewhere', 'limits'],
]

const reason = whyNot()
if (reason !== undefined) {
  console.log(`skipped: ${reason}\n0 passed, 0 failed`)
  process.exit(0)
}

const tally = new Tally()

async function tell(titles: readonly string[], ...rest: string[]): Promise<void> {
  for (const title of titles) {
    try {
      await stories[title]?.(tally, ...rest)
    } catch (error) {
      tally.check(`${title}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`, false)
    }
  }
}

const [name, ...rest] = process.argv.slice(2)
if (name === undefined) {
  await tell(alone)
  await Promise.all(beside.map((titles) => tell(titles)))
} else {
  if (stories[name] === undefined) console.log(`there is no story “${name}”, but ${Object.keys(stories).join(', ')}`)
  await tell([name], ...rest)
}
process.exit(tally.end())
