/** Everybody with everybody: a person behind a router of each kind on either side, a relay between, and all pairs. */
import type { Person } from '../e2e/processes.ts'
import { kinds, type Kind } from './nat-rules.ts'
import { linkTo, median, meet, openLab, say, seconds, until } from './lab.ts'
import type { Tally } from './tally.ts'

/** What a pair should come to. Two routers that each need to know the other's next port cannot be talked through by TCP. */
function expected(one: Kind, other: Kind): 'direct' | 'circuit' {
  const strict: readonly Kind[] = ['port-restricted', 'firewall', 'udp blocked', 'symmetric']
  const hopeless = (a: Kind, b: Kind): boolean => a === 'symmetric' && strict.includes(b)
  return hopeless(one, other) || hopeless(other, one) ? 'circuit' : 'direct'
}

const sayings = 10
/** Three times what the slowest pair takes on a quiet machine. */
const upgradeMsMax = 30_000

interface Resident {
  readonly name: string
  readonly kind: Kind
  readonly person: Person
}

export async function pairs(tally: Tally, delayMs: number, chosen: readonly Kind[] = kinds): Promise<void> {
  const lab = openLab({ delayMs, lossPercent: 1 })
  try {
    const relay = await lab.relay(lab.world.addServer())
    const move = async (side: string): Promise<Resident[]> => {
      const residents: Resident[] = []
      for (const kind of chosen) {
        const name = `${side} ${kind}`
        const person = lab.person(await lab.world.addHouse(kind), { name, relays: [relay.address] })
        await person.start()
        residents.push({ name, kind, person })
      }
      return residents
    }
    const [left, right] = [await move('left'), await move('right')]
    for (const [i, one] of left.entries()) {
      for (const other of right.slice(i)) {
        await pair(tally, delayMs, one, other).catch((error: Error) => {
          tally.check(`${one.kind} × ${other.kind}, ${delayMs} ms: ${error.message}`, false)
        })
      }
    }
  } finally {
    await lab.end()
  }
}

async function pair(tally: Tally, delayMs: number, one: Resident, other: Resident): Promise<void> {
  const where = `${one.kind} × ${other.kind}`
  const startMs = performance.now()
  await meet(one.person, one.name, other.person, other.name)
  const firstMs = await say(one.person, other.person, other.name, `first ${where}`)
  const wanted = expected(one.kind, other.kind)
  const direct = await until(
    async () => ((await linkTo(one.person, other.name)) === 'direct' ? performance.now() - startMs : undefined),
    wanted === 'direct' ? upgradeMsMax : 3_000,
  )
  const times: number[] = []
  for (let i = 0; i < sayings; i++) {
    const [from, to] = i % 2 === 0 ? [one, other] : [other, one]
    times.push(await say(from.person, to.person, to.name, `${where} ${i}`))
  }
  const how = direct === undefined ? ((await linkTo(one.person, other.name)) ?? 'mailbox') : 'direct'
  const after = direct === undefined ? '' : ` after ${seconds(direct)}`
  tally.row('pairs', [
    one.kind,
    other.kind,
    `${delayMs} ms`,
    seconds(firstMs),
    `${how}${after}`,
    `${Math.round(median(times))} ms`,
  ])
  tally.check(
    `${where}, ${delayMs} ms: ${how}${after}, first ${seconds(firstMs)}, then ${Math.round(median(times))} ms`,
    how === wanted,
  )
}
