/**
 * `npm run test:nat`: real processes in real network namespaces, behind routers of every kind, over links with delay and
 * loss. The last line is `N passed, N failed`. With names of stories as arguments, only those.
 */
import { whyNot } from './lab.ts'
import { kinds, type Kind } from './nat-rules.ts'
import { oneRoom } from './lan.ts'
import { directOnly, householdTroubles, relayGone, secondRelay } from './outages.ts'
import { signs } from './signs.ts'
import { pairs } from './pairs.ts'
import { Tally } from './tally.ts'

const reason = whyNot()
if (reason !== undefined) {
  console.log(`skipped: ${reason}\n0 passed, 0 failed`)
  process.exit(0)
}

const tally = new Tally()
const stories: Readonly<Record<string, (tally: Tally, ...rest: string[]) => Promise<void>>> = {
  pairs: (to, ...chosen) => pairs(to, 25, chosen.length > 0 ? (chosen as Kind[]) : kinds),
  lan: oneRoom,
  signs,
  relay: relayGone,
  relays: secondRelay,
  direct: directOnly,
  household: (to, unpluggedS = '60', asleepS = '60') => householdTroubles(to, Number(unpluggedS), Number(asleepS)),
}
const [only, ...rest] = process.argv.slice(2)
for (const [name, story] of Object.entries(stories)) {
  if (only !== undefined && only !== name) continue
  try {
    await story(tally, ...rest)
  } catch (error) {
    tally.check(`${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`, false)
  }
}
process.exit(tally.end())
