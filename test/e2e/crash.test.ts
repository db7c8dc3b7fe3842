/**
 * Sender, relay and recipient are killed with SIGKILL at random moments while a thousand messages flow each way. Whatever
 * `send` accepted is shown exactly once, in order.
 */
import { randomInt } from 'node:crypto'
import { expect, test } from 'vitest'
import { freePort } from './ports.ts'
import { Person, RelayProcess, scratch, Unanswered } from './processes.ts'

const messagesEachWay = 1_000
const killsMin = 50

test('fifty kills lose nothing, double nothing and reorder nothing', { timeout: 280_000 }, async () => {
  const folder = scratch()
  const relayPort = await freePort()
  const relay = new RelayProcess(() => ({ dataDir: folder.path('relay'), listen: [`/ip4/127.0.0.1/tcp/${relayPort}`] }))
  await relay.start()
  const [alice, bob] = await Promise.all([start('alice'), start('bob')])
  let [fromAlice, fromBob] = [idle, idle]
  try {
    const link = await alice.ask({ op: 'invite' })
    await bob.ask({ op: 'add', link })
    await alice.event(({ event }) => event.type === 'contact' && event.state === 'added')

    fromAlice = talk(alice, 'bob')
    fromBob = talk(bob, 'alice')
    const kills = await killAllAlong([alice, bob, relay], [fromAlice, fromBob])
    await Promise.all([fromAlice.finished, fromBob.finished])
    expect(kills).toBeGreaterThanOrEqual(killsMin)

    await settled(alice, fromAlice.accepted.length + fromBob.accepted.length)
    await check(alice, 'bob', fromAlice, fromBob)
    await check(bob, 'alice', fromBob, fromAlice)
    for (const person of [alice, bob]) {
      expect(person.faults).toEqual([])
      expect(person.events.filter(({ event }) => event.type === 'gap')).toEqual([])
    }
    process.stdout.write(
      `crash test: ${kills} kills, ${fromAlice.accepted.length}+${fromBob.accepted.length} accepted\n`,
    )
  } finally {
    await Promise.all([alice.kill(), bob.kill(), relay.kill()])
    folder.remove()
  }

  async function start(name: string): Promise<Person> {
    const port = await freePort()
    const person = new Person(() => ({
      dataDir: folder.path(name),
      name,
      relays: [relay.address],
      listen: [`/ip4/127.0.0.1/tcp/${port}`],
    }))
    await person.start()
    return person
  }

  /** Everything either side sent has been confirmed by the other. */
  async function settled(person: Person, count: number): Promise<void> {
    for (const someone of [alice, bob]) {
      const who = someone === alice ? 'bob' : 'alice'
      await expect
        .poll(async () => unsettled(await someone.ask({ op: 'history', who, limit: 10_000 })), {
          timeout: 100_000,
          interval: 500,
        })
        .toEqual([])
    }
    const history = await person.ask({ op: 'history', who: 'bob', limit: 10_000 })
    expect(history.length).toBeGreaterThanOrEqual(count)
  }
})

/**
 * One kill for so many messages accepted, each victim in its turn and back a moment later, while the others go on: often two
 * are down at once, now and then all three. Tied to messages and not to time, so that a slow machine is as hard a test.
 */
async function killAllAlong(victims: readonly (Person | RelayProcess)[], talks: readonly Talk[]): Promise<number> {
  const back = new Map(victims.map((victim) => [victim, Promise.resolve()]))
  const share = (messagesEachWay * talks.length) / (killsMin + 2)
  for (let kills = 0; ; kills++) {
    const victim = victims[kills % victims.length]
    const started = victim && back.get(victim)
    if (kills > killsMin || victim === undefined) {
      await Promise.all(back.values())
      return kills
    }
    while (talks.reduce((sum, { accepted }) => sum + accepted.length, 0) < kills * share) await pause(2)
    await started
    await pause(randomInt(0, 150))
    await victim.kill()
    back.set(
      victim,
      pause(randomInt(0, 300)).then(() => victim.start()),
    )
  }
}

interface Talk {
  /** Texts that `send` accepted, in order. */
  readonly accepted: string[]
  /** Texts whose fate the killer kept to itself: at most once each. */
  readonly unknown: Set<string>
  readonly finished: Promise<void>
}

const idle: Talk = { accepted: [], unknown: new Set(), finished: Promise.resolve() }

function talk(person: Person, who: string): Talk {
  const accepted: string[] = []
  const unknown = new Set<string>()
  const run = async (): Promise<void> => {
    for (let n = 0; accepted.length < messagesEachWay; n++) {
      const text = `to ${who}, number ${n}`
      try {
        await person.ask({ op: 'send', who, text })
        accepted.push(text)
        if (n % 24 === 0) await pause(randomInt(0, 100)) // Bursts and silences.
      } catch (error) {
        if (!(error instanceof Unanswered)) throw error
        unknown.add(text)
        await pause(50)
      }
    }
  }
  const spoken: Talk = { accepted, unknown, finished: Promise.resolve() }
  return Object.assign(spoken, { finished: run() })
}

async function check(person: Person, who: string, own: Talk, theirs: Talk): Promise<void> {
  const history = await person.ask({ op: 'history', who, limit: 10_000 })
  const shown = history.filter((message) => message.from === who).map((message) => message.text ?? '')
  expect(shown.filter((text) => !theirs.unknown.has(text))).toEqual(theirs.accepted)
  expect(new Set(shown).size).toBe(shown.length)
  const numbers = shown.map((text) => Number(text.slice(text.lastIndexOf(' '))))
  expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
  const sent = history.filter((message) => message.from === 'me').map((message) => message.text ?? '')
  expect(sent.filter((text) => !own.unknown.has(text))).toEqual(own.accepted)

  // Events may be told again after a restart, by the same number; each message has one number only.
  const told = new Map<string, Set<number>>()
  for (const { seq, event } of person.events) {
    if (event.type === 'message') told.set(event.id, (told.get(event.id) ?? new Set()).add(seq))
  }
  expect([...told.values()].every((numbersOfOne) => numbersOfOne.size === 1)).toBe(true)
  expect(told.size).toBe(shown.length)
}

function unsettled(
  history: readonly { readonly from: string; readonly state: string; readonly text?: string }[],
): unknown[] {
  return history.filter(({ from, state }) => from === 'me' && state !== 'delivered' && state !== 'read')
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms))
}
