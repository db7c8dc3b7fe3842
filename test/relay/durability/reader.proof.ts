/**
 * What the people at both ends see of a relay that is killed twenty times while it stores and hands out: everything once, and
 * in order. They listen nowhere, so that nothing goes between them but through its mailboxes.
 */
import { expect, test } from 'vitest'
import { freePort } from '../../e2e/ports.ts'
import { Person, RelayProcess, scratch } from '../../e2e/processes.ts'
import { atEnd } from '../temporary.ts'

const kills = 20
const messagesEach = 100

test(
  `after ${kills} kills in mid-store a reader has been shown every message once, and in order`,
  { timeout: 600_000 },
  async () => {
    const folder = scratch()
    atEnd(folder.remove)
    const at = [`/ip4/127.0.0.1/tcp/${await freePort()}`]
    const relay = new RelayProcess(() => ({ dataDir: folder.path('relay'), listen: at }))
    atEnd(() => relay.kill())
    await relay.start()
    const [alice, bob] = [await person('alice'), await person('bob')]
    await alice.ask({ op: 'add', link: await bob.ask({ op: 'invite' }) })
    await bob.event(({ event }) => event.type === 'contact' && event.state === 'added')

    const sent: string[] = []
    for (let kill = 0; kill <= kills; kill++) {
      // With every other kill Bob is away, so that what he finds on his return has waited through one.
      if (kill % 2 === 1) await bob.kill()
      let id = ''
      for (let i = 0; i < messagesEach; i++) {
        const text = `number ${sent.length}`
        ;({ id } = await alice.ask({ op: 'send', who: 'bob', text }))
        sent.push(text)
        // In the middle of it: some are promised, some are on their way.
        if (i === messagesEach - 40 && kill < kills) {
          await alice.ask({ op: 'wait', id, state: 'stored' })
          void relay.kill().then(() => relay.start())
        }
      }
      if (kill % 2 === 1) await bob.start()
      await alice.ask({ op: 'wait', id, state: 'delivered' })
    }
    const delivered = async (): Promise<number> => {
      const history = await alice.ask({ op: 'history', who: 'bob', limit: 10_000 })
      return history.filter(({ state }) => state === 'delivered').length
    }
    await expect.poll(delivered, { timeout: 100_000, interval: 500 }).toBe(sent.length)

    const history = await bob.ask({ op: 'history', who: 'alice', limit: 10_000 })
    expect(history.map(({ text }) => text)).toEqual(sent)
    // A killed reader is told again what it had not acknowledged, under the same number.
    const numbers = new Map<string, Set<number>>()
    for (const { seq, event } of bob.events) {
      if (event.type === 'message') numbers.set(event.id, (numbers.get(event.id) ?? new Set()).add(seq))
      expect(event.type).not.toBe('gap')
    }
    expect(numbers.size).toBe(sent.length)
    expect([...numbers.values()].filter((one) => one.size > 1)).toEqual([])
    const direct = bob.events.filter(({ event }) => event.type === 'message' && event.via === 'direct')
    expect(direct).toEqual([])
    process.stdout.write(`${kills} kills, ${sent.length} sent, each shown once\n`)

    async function person(name: string): Promise<Person> {
      const options = {
        dataDir: folder.path(name),
        name,
        relays: [relay.address],
        listen: [],
        lan: false,
        circuits: false,
      }
      const someone = new Person(() => options)
      atEnd(() => someone.kill())
      await someone.start()
      return someone
    }
  },
)
